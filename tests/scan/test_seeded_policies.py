"""Each violation in a policy whose ARNs are known is seen by the scanner that must see it."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache

import pytest

from scan.evidence import Stage
from scan.gates.configuration import check_configuration
from scan.gates.permissions import check_grammar, check_privileges
from tests.scan.asking import Found, broken, by_origin, objections, of_gate, written
from tests.scan.seeds import Document, Violation, as_plan
from tests.scan.violations.policies import PLANNED, ROLE

GATES = {
    "checkov": check_configuration,
    "parliament": check_grammar,
    "cloudsplaining": check_privileges,
}


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Found]:
    """What a tool says of plans with all its violations, and of the plan of a role that is right."""
    folder = tmp_path_factory.mktemp("policies")

    @cache
    def ask(tool: str) -> Found:
        documents = broken(of_gate(PLANNED, tool), {"role": ROLE})
        plans = {name: as_plan(document) for name, document in documents.items()}
        return by_origin(GATES[tool]([written(plans, folder / tool, Stage.DEPLOYED)]))

    return ask


@pytest.mark.parametrize("violation", PLANNED, ids=str)
def test_violation_in_a_policy_is_seen(
    violation: Violation[Document], found: Callable[[str], Found]
) -> None:
    tool, _, _ = violation.caught_by.partition(" ")
    assert found(tool)["role"] == set()
    assert violation.caught_by in objections(violation, found(tool))
