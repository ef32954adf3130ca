"""Each violation in a synthesized stack is seen by the scanner that must see it, and no waiver covers it."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache, partial

import pytest

from scan.evidence import Stage
from scan.gates.availability import check_availability
from scan.gates.configuration import check_configuration
from scan.gates.secrets import check_secrets
from tests.scan.asking import Found, Gate, broken, by_origin, git_tree, objections, of_gate, written
from tests.scan.seeds import Document, Violation
from tests.scan.violations.stacks import SYNTHESIZED
from tests.synthesis import Stacks


@pytest.fixture(scope="module")
def found(
    synthesized: Callable[[str], Stacks], tmp_path_factory: pytest.TempPathFactory
) -> Callable[[str], Found]:
    """What a tool says of all its violations, and of what they were made from."""
    folder = tmp_path_factory.mktemp("stacks")
    gates: dict[str, Gate] = {
        "checkov": check_configuration,
        "cfn-lint": check_availability,
        "detect-secrets": partial(check_secrets, tree=git_tree(folder / "tree", {})),
    }

    @cache
    def ask(tool: str) -> Found:
        documents = broken(of_gate(SYNTHESIZED, tool), synthesized("dev"))
        return by_origin(gates[tool]([written(documents, folder / tool, Stage.SYNTHESIZED)]))

    return ask


@pytest.mark.parametrize("violation", SYNTHESIZED, ids=str)
def test_violation_in_a_stack_is_seen(
    violation: Violation[Document], found: Callable[[str], Found]
) -> None:
    tool, _, _ = violation.caught_by.partition(" ")
    assert violation.caught_by in objections(violation, found(tool))
