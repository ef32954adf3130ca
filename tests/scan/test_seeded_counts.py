"""Each violation that a scanner passes, because it cannot see it, is seen by how much was judged."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from scan import ledger
from scan.evidence import Stage
from scan.findings import Outcome
from scan.gates.configuration import check_configuration
from scan.gates.permissions import check_grammar, check_privileges
from tests.scan.asking import Gate, by_origin, objections, written
from tests.scan.seeds import Document, Violation, as_plan
from tests.scan.violations import policies, stacks
from tests.synthesis import Stacks

GATES: dict[str, Gate] = {
    "checkov": check_configuration,
    "parliament": check_grammar,
    "cloudsplaining": check_privileges,
}


def judged(
    violation: Violation[Document], documents: Mapping[str, Document], folder: Path, stage: Stage
) -> Outcome:
    """What the scanner says that should have seen the violation."""
    tool, _, _ = violation.caught_by.partition(" ")
    return GATES[tool]([written(documents, folder, stage)])


def assert_missed(
    violation: Violation[Document], clean: Outcome, seeded: Outcome, path: Path
) -> None:
    """Nothing is found, and less is judged."""
    assert objections(violation, by_origin(seeded)) == set()
    recorded = ledger.counted([clean])
    ledger.record(recorded, path)
    assert ledger.complaints(recorded, path) == []
    tool, _, check = violation.caught_by.partition(" ")
    told = ledger.complaints(ledger.counted([seeded]), path)
    (scope,) = recorded[tool]
    was = recorded[tool][scope][check]
    assert (
        f"evaluated less often than recorded: {tool} {scope} {check}: {was - 1}, not {was}" in told
    )


@pytest.fixture(scope="module")
def clean_security(
    synthesized: Callable[[str], Stacks], tmp_path_factory: pytest.TempPathFactory
) -> Outcome:
    """What checkov says of the stack that all violations of stacks are in."""
    folder = tmp_path_factory.mktemp("counts") / "clean"
    stack = synthesized("dev")[stacks.SECURITY]
    return check_configuration([written({stacks.SECURITY: stack}, folder, Stage.SYNTHESIZED)])


@pytest.mark.parametrize("violation", stacks.UNSEEN, ids=str)
def test_violation_in_a_stack_that_is_passed(
    violation: Violation[Document],
    synthesized: Callable[[str], Stacks],
    clean_security: Outcome,
    tmp_path: Path,
) -> None:
    stack = violation.seeded(synthesized("dev")[violation.where])
    documents = {violation.name: stack}
    seeded = judged(violation, documents, tmp_path / "seeded", Stage.SYNTHESIZED)
    assert_missed(violation, clean_security, seeded, tmp_path / "evaluated.json")


@pytest.mark.parametrize("violation", policies.UNSEEN, ids=str)
def test_violation_in_a_plan_that_is_passed(violation: Violation[Document], tmp_path: Path) -> None:
    beside = {"beside": as_plan(policies.ROLE)}
    right = {**beside, "role": as_plan(policies.ROLE)}
    broken = {**beside, violation.name: as_plan(violation.seeded(policies.ROLE))}
    clean = judged(violation, right, tmp_path / "clean", Stage.DEPLOYED)
    seeded = judged(violation, broken, tmp_path / "seeded", Stage.DEPLOYED)
    assert_missed(violation, clean, seeded, tmp_path / "evaluated.json")
