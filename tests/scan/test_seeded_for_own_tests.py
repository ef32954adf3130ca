"""Each violation that no scanner looks for is seen by a test of ours, and by none without it."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from stacks.paths import PROJECT_ROOT
from tests.scan import ask_tests
from tests.scan.seeds import Document, Violation
from tests.scan.violations.files import SUPPLY_CHAIN
from tests.scan.violations.stacks import OWN

# What the tests of the supply chain read, and what they import.
TREE = (".github", "requirements", "stacks", "tests", "trading")
NO_STACKS = Path("none")
Passed = dict[str, dict[str, bool]]


@pytest.fixture(scope="module")
def of_stacks(
    synthesized_directory: Callable[[str], Path], tmp_path_factory: pytest.TempPathFactory
) -> Passed:
    """Whether the tests pass of dev as it is, and with each violation."""
    folder, dev = tmp_path_factory.mktemp("own"), synthesized_directory("dev")
    (folder / "clean").mkdir()
    (folder / "clean" / "dev").symlink_to(dev)
    asked = {folder / "clean": [violation.caught_by for violation in OWN]}
    for violation in OWN:
        copy = folder / violation.name
        shutil.copytree(dev, copy / "dev", ignore=shutil.ignore_patterns("assets"))
        path = copy / "dev" / "stacks" / violation.where / "cdk.tf.json"
        path.write_text(json.dumps(violation.seeded(json.loads(path.read_text()))))
        asked[copy] = [violation.caught_by]
    return ask_tests.ask(asked)


@pytest.fixture(scope="module")
def of_the_tree(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bool]:
    """Whether the tests pass in a tree with all violations, each in a file of its own."""
    tree = tmp_path_factory.mktemp("tree")
    for name in TREE:
        shutil.copytree(
            PROJECT_ROOT / name, tree / name, ignore=shutil.ignore_patterns("__pycache__")
        )
    shutil.copy(PROJECT_ROOT / "pyproject.toml", tree)
    for violation in SUPPLY_CHAIN:
        path = tree / violation.where
        path.write_text(violation.seeded(path.read_text()))
    tests = [violation.caught_by.partition("[")[0] for violation in SUPPLY_CHAIN]
    return ask_tests.ask({NO_STACKS: tests}, tree)[NO_STACKS.name]


@pytest.mark.parametrize("violation", OWN, ids=str)
def test_violation_in_a_stack_is_seen(violation: Violation[Document], of_stacks: Passed) -> None:
    assert of_stacks["clean"][violation.caught_by] is True
    assert of_stacks[violation.name] == {violation.caught_by: False}


@pytest.mark.parametrize("violation", SUPPLY_CHAIN, ids=str)
def test_violation_in_the_tree_is_seen(
    violation: Violation[str], of_the_tree: dict[str, bool]
) -> None:
    assert of_the_tree[violation.caught_by] is False


def test_files_without_a_violation_pass(of_the_tree: dict[str, bool]) -> None:
    failed = {test for test, passed in of_the_tree.items() if not passed}
    assert failed == {violation.caught_by for violation in SUPPLY_CHAIN}
    assert len(of_the_tree) > len(failed)
