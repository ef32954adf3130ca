"""How the evidence is collected: what is run, in which order, and what happens when that fails."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from scan import collection
from scan.collection import PLANNED_REGION, ROUNDS, Collector
from scan.evidence import Stage
from scan.policies import rendered_policies
from stacks.settings import ENVIRONMENTS, FOUNDATION_WORKSPACE
from trading.errors import OperatorError

ENVIRONMENT_NAMES = [environment.name for environment in ENVIRONMENTS]
PLANNED = [stack for stacks in ROUNDS for stack in stacks]


@dataclass
class Machine:
    """What was run of `trading`: by workspace, the arguments.

    `fails` is a verb that does; `waits` a stack that no plan is made of.
    """

    ran: dict[str, list[list[str]]] = field(default_factory=dict)
    forgotten: list[Path] = field(default_factory=list)
    fails: str = ""
    waits: str = ""

    def run(self, command: list[str], environment: dict[str, str], codes: tuple[int, ...]) -> None:
        arguments = command[3:]
        self.ran.setdefault(environment.get("TF_WORKSPACE", ""), []).append(arguments)
        assert environment["TRADING_TARGET"] == "local"
        assert "TRADING_STATE_BUCKET" not in environment
        # A plan with differences ends in 2.
        assert codes == ((0, 2) if arguments[0] == "plan" else (0,))
        if arguments[0] == self.fails:
            raise OperatorError(f"{self.fails} failed")
        if arguments[0] == "plan":
            *stacks, _, folder = arguments[1:]
            for stack in stacks:
                if stack != self.waits:
                    (Path(folder) / f"{stack}.json").write_text("{}")


@pytest.fixture
def machine(monkeypatch: pytest.MonkeyPatch) -> Machine:
    """Where an operator has set a bucket and a workspace of their own."""
    machine = Machine()

    class Target:
        def __init__(self, folder: Path) -> None:
            self.folder = folder

        def forget(self) -> None:
            machine.forgotten.append(self.folder)

    monkeypatch.setenv("TRADING_STATE_BUCKET", "real")
    monkeypatch.setenv("TF_WORKSPACE", "prod")
    monkeypatch.setattr(collection, "_run", machine.run)
    monkeypatch.setattr(collection, "LocalTarget", Target)
    return machine


def silent(_: str) -> None:
    """Tells nobody."""


def test_each_environment_is_planned_before_it_is_deployed_and_after(
    machine: Machine, tmp_path: Path
) -> None:
    evidence = Collector(tmp_path, silent).planned()
    assert {each.name for each in evidence} == {
        f"{name} {stage}" for name in ENVIRONMENT_NAMES for stage in (Stage.PLANNED, Stage.DEPLOYED)
    }
    assert machine.ran[""] == [["local", "up"], ["foundation", "deploy", "--yes"]]
    for name in ENVIRONMENT_NAMES:
        *rounds, last = machine.ran[name]
        plans, deploys = rounds[::2], rounds[1::2]
        before, after = (tmp_path / name / stage for stage in (Stage.PLANNED, Stage.DEPLOYED))
        assert plans == [["plan", *stacks, "--export", str(before)] for stacks in ROUNDS]
        assert deploys == [["deploy", "--plan", "--yes", "--confirm", name]] * len(ROUNDS)
        assert last == ["plan", *PLANNED, "--export", str(after)]
    assert machine.forgotten == [tmp_path / "work" / "local"]


def test_every_layer_of_a_region_is_planned() -> None:
    layers = ("security", "network", "data", "api")
    assert set(PLANNED) == {"global-zone", *(f"{layer}-{PLANNED_REGION}" for layer in layers)}


def test_plans_of_before_are_not_taken_for_todays(machine: Machine, tmp_path: Path) -> None:
    stale = tmp_path / "dev" / "planned" / "gone-us-east-1.json"
    stale.parent.mkdir(parents=True)
    stale.write_text("{}")
    Collector(tmp_path, silent).planned()
    assert not stale.exists()


@pytest.mark.parametrize("fails", ["foundation", "plan", "deploy"])
def test_the_local_aws_is_stopped_whatever_happens(
    machine: Machine, tmp_path: Path, fails: str
) -> None:
    machine.fails = fails
    with pytest.raises(OperatorError, match=f"{fails} failed"):
        Collector(tmp_path, silent).planned()
    assert machine.forgotten == [tmp_path / "work" / "local"]


def test_a_stack_that_is_not_planned_is_an_error(machine: Machine, tmp_path: Path) -> None:
    machine.waits = PLANNED[-1]
    with pytest.raises(OperatorError, match=f"{PLANNED[-1]} of .* could not be planned"):
        Collector(tmp_path, silent).planned()


def app(folder: Path, *lines: str) -> None:
    (folder / "main.py").write_text("\n".join(lines))


def test_every_workspace_is_synthesized(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(collection, "PROJECT_ROOT", tmp_path)
    app(
        tmp_path,
        "import os, pathlib",
        "folder = pathlib.Path(os.environ['CDKTF_OUTDIR']) / 'stacks' / 'data'",
        "folder.mkdir(parents=True)",
        """text = '{"resource": {"kind": {"%s": {}}}}' % os.environ['TF_WORKSPACE']""",
        "(folder / 'cdk.tf.json').write_text(text)",
    )
    monkeypatch.setattr(collection, "_WITH_DEPLOY_ROLES", (tmp_path / "main.py").read_text())
    collector = Collector(tmp_path / "scan", silent)
    evidence = collector.synthesized()
    assert [each.name for each in evidence] == [
        f"{name} synthesized" for name in (*ENVIRONMENT_NAMES, FOUNDATION_WORKSPACE)
    ]
    for each in evidence:
        assert each.stacks == {"data": {"resource": {"kind": {each.environment: {}}}}}
        (kept,) = each.folder.iterdir()
        assert json.loads(kept.read_text()) == each.stacks["data"]


def test_the_foundation_is_scanned_with_its_deploy_roles(tmp_path: Path) -> None:
    evidence = Collector(tmp_path, silent).of_foundation()
    policies = list(rendered_policies(evidence))
    assert {"aws_iam_policy", "aws_iam_role", "aws_kms_key", "aws_s3_bucket_policy"} <= {
        policy.resource.type for policy in policies
    }
    assert any("deploy" in policy.address for policy in policies)
    # All that they refer to has an example.
    assert not [policy.address for policy in policies if "${" in json.dumps(policy.document)]


@pytest.mark.parametrize(
    ("lines", "told"),
    [
        (("raise ValueError('two\\nlines')",), "1: lines"),
        (("import sys", "print('no')", "sys.exit(3)"), "3: no"),
        (("import sys", "sys.exit(4)"), "4: nothing"),
    ],
    ids=["a-traceback", "no-error-printed", "nothing-said"],
)
def test_an_app_that_fails_is_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, lines: tuple[str, ...], told: str
) -> None:
    monkeypatch.setattr(collection, "PROJECT_ROOT", tmp_path)
    app(tmp_path, *lines)
    with pytest.raises(OperatorError) as error:
        Collector(tmp_path / "scan", silent).synthesized()
    assert str(error.value) == f"{tmp_path / 'main.py'} failed with {told}"
