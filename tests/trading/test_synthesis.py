"""When the stacks are synthesized again, and that a synth which fails or is killed changes nothing."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from typer.testing import CliRunner

from stacks.paths import PROJECT_ROOT
from trading.cli import main
from trading.engine import synthesis
from trading.engine.synthesis import bring_up_to_date
from trading.errors import OperatorError

APP = """
import json, os, sys
from pathlib import Path
if os.environ.get("CDKTF_FAIL"):
    sys.exit("error: the settings do not allow it")
out = Path(os.environ["CDKTF_OUTDIR"])
stack = out / "stacks" / "only"
(stack / "assets").mkdir(parents=True)
manifest = {"name": "only", "dependencies": [], "workingDirectory": "stacks/only",
            "synthesizedStackPath": "stacks/only/cdk.tf.json"}
(out / "manifest.json").write_text(json.dumps({"stacks": {"only": manifest}}))
tags = [{"tags": {"Layer": "security"}}]
(stack / "cdk.tf.json").write_text(json.dumps({
    "locals": {"region": "r"}, "provider": {"aws": [{"default_tags": tags}]}, "output": {},
    "size": Path("stacks/settings.py").read_text()}))
(stack / "assets" / "package.zip").write_bytes(b"zip")
with open("synths", "a") as count:
    count.write(os.environ["TF_WORKSPACE"] + "\\n")
"""


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project whose app takes no time; it counts its runs in the file `synths`."""
    folder = tmp_path / "project"
    for name, text in {
        "main.py": APP,
        "stacks/settings.py": "small",
        "src/lambda/service/handler.py": "handler",
        "requirements/lambda.txt": "pymysql",
        "requirements/development.txt": "ruff",
        "README.md": "readme",
    }.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    monkeypatch.setattr(synthesis, "PROJECT_ROOT", folder)
    for name in [name for name in os.environ if name.startswith(("TRADING_", "CDKTF_"))]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("TRADING_WORK_DIR", str(tmp_path / "work"))
    assert not bring_up_to_date("dev").unchanged
    return folder


def output() -> Path:
    return Path(os.environ["TRADING_WORK_DIR"]) / "dev" / "cdktf.out"


def synths(project: Path) -> int:
    return len((project / "synths").read_text().splitlines())


def test_unchanged_inputs_are_not_synthesized_again(project: Path) -> None:
    again = bring_up_to_date("dev")
    assert (again.unchanged, list(again.graph.stacks)) == (True, ["only"])
    assert synths(project) == 1


@pytest.mark.parametrize(
    "name",
    [
        "main.py",
        "stacks/settings.py",
        "stacks/new/stack.py",
        "src/lambda/service/handler.py",
        "src/lambda/service/schema.json",
        "requirements/lambda.txt",
    ],
)
def test_what_goes_into_the_output_is_synthesized_again(project: Path, name: str) -> None:
    path = project / name
    path.parent.mkdir(exist_ok=True)
    path.write_text(f"{path.read_text() if path.exists() else ''}\n# changed")
    assert not bring_up_to_date("dev").unchanged
    assert bring_up_to_date("dev").unchanged


def test_a_source_that_is_gone_or_moved_is_a_change(project: Path) -> None:
    handler = project / "src/lambda/service/handler.py"
    handler.rename(handler.with_name("other.py"))
    assert not bring_up_to_date("dev").unchanged
    handler.with_name("other.py").unlink()
    assert not bring_up_to_date("dev").unchanged


@pytest.mark.parametrize(
    "name",
    [
        "README.md",
        "requirements/development.txt",
        "stacks/__pycache__/settings.cpython-312.pyc",
        "stacks/.settings.py.swp",
        "src/lambda/.ruff_cache/x",
    ],
)
def test_what_does_not_go_into_it_is_no_change(project: Path, name: str) -> None:
    (project / name).parent.mkdir(exist_ok=True)
    (project / name).write_text("changed")
    assert bring_up_to_date("dev").unchanged


def test_touching_a_source_is_no_change(project: Path) -> None:
    os.utime(project / "stacks/settings.py", (1, 1))
    assert bring_up_to_date("dev").unchanged


@pytest.mark.parametrize(
    "name",
    [
        "TRADING_STATE_BUCKET",
        "TRADING_STATE_LOCK",
        "TRADING_STATE_REGION",
        "TRADING_EAGER_BINDINGS",
        "TRADING_SETTING_OF_TOMORROW",
        "CDKTF_CONTEXT_JSON",
    ],
)
def test_variables_that_may_be_settings_count(
    project: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.setenv(name, "{}")
    assert not bring_up_to_date("dev").unchanged
    monkeypatch.delenv(name)
    assert not bring_up_to_date("dev").unchanged


@pytest.mark.parametrize("name", ["TRADING_TARGET", "TRADING_TERRAFORM", "AWS_REGION", "COLUMNS"])
def test_variables_of_the_run_do_not(
    project: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.setenv(name, "other")
    assert bring_up_to_date("dev").unchanged


def test_another_version_of_a_package_is_a_change(
    project: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    installed = tmp_path / "site-packages"
    (installed / "own-1.0.dist-info").mkdir(parents=True)
    monkeypatch.setattr(sys, "path", [*sys.path, str(installed)])
    assert not bring_up_to_date("dev").unchanged
    (installed / "own-1.0.dist-info").rename(installed / "own-1.1.dist-info")
    assert not bring_up_to_date("dev").unchanged


def test_another_python_is_a_change(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("platform.python_version", lambda: "3.99.0")
    assert not bring_up_to_date("dev").unchanged


def test_another_work_folder_or_workspace_has_its_own(project: Path) -> None:
    assert not bring_up_to_date("staging").unchanged
    assert bring_up_to_date("dev").unchanged


@pytest.mark.parametrize(
    "name", ["manifest.json", "stacks/only/cdk.tf.json", "stacks/only/assets/package.zip"]
)
@pytest.mark.parametrize("damage", ["removed", "edited"])
def test_a_damaged_output_is_written_again(project: Path, name: str, damage: str) -> None:
    path = output() / name
    before = path.read_bytes()
    if damage == "removed":
        path.unlink()
    else:
        path.write_bytes(b"{}" + before[2:])
    assert not bring_up_to_date("dev").unchanged
    assert path.read_bytes() == before


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"inputs": "x"}', "nonsense"])
def test_a_damaged_record_counts_for_nothing(project: Path, text: str) -> None:
    (output().parent / "synthesized.json").write_text(text)
    assert not bring_up_to_date("dev").unchanged


def test_force_synthesizes_all_the_same(project: Path) -> None:
    assert not bring_up_to_date("dev", force=True).unchanged
    assert synths(project) == 2


def test_terraforms_own_files_survive(project: Path) -> None:
    stack = output() / "stacks" / "only"
    own = [stack / ".terraform" / "initialised-for", stack / ".terraform.lock.hcl"]
    for path in own:
        path.parent.mkdir(exist_ok=True)
        path.write_text("Terraform's")
    bring_up_to_date("dev", force=True)
    assert [path.read_text() for path in own] == ["Terraform's", "Terraform's"]


def test_a_failed_synth_changes_nothing(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = (output() / "stacks/only/cdk.tf.json").read_text()
    monkeypatch.setenv("CDKTF_FAIL", "1")
    with pytest.raises(OperatorError, match=r"^the settings do not allow it$"):
        bring_up_to_date("dev")
    assert (output() / "stacks/only/cdk.tf.json").read_text() == before
    monkeypatch.delenv("CDKTF_FAIL")
    assert bring_up_to_date("dev").unchanged


def test_killed_between_two_files_it_is_done_again(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The old sources come back after the kill: the old record must not hold for the mixture."""
    settings = project / "stacks/settings.py"
    settings.write_text("large")
    replace = Path.replace

    def killed(self: Path, target: Path) -> Path:
        if self.name == "manifest.json" and "synthesizing" in self.parts:
            replace(
                self.parent / "stacks/only/cdk.tf.json", target.parent / "stacks/only/cdk.tf.json"
            )
            raise KeyboardInterrupt
        return replace(self, target)

    with monkeypatch.context() as patch:
        patch.setattr(Path, "replace", killed)
        with pytest.raises(KeyboardInterrupt):
            bring_up_to_date("dev")
    settings.write_text("small")
    assert not bring_up_to_date("dev").unchanged
    written = json.loads((output() / "stacks/only/cdk.tf.json").read_text())
    assert written["size"] == "small"


def test_a_synth_whose_caller_is_killed_does_not_meet_the_next(project: Path) -> None:
    """The app still writes when `trading` is gone; whoever comes next waits for it."""
    (project / "main.py").write_text(f"import time; time.sleep(1)\n{APP}")
    script = (
        "from pathlib import Path; from trading.engine import synthesis\n"
        f"synthesis.PROJECT_ROOT = Path({str(project)!r})\nsynthesis.synthesize('dev')"
    )
    caller = subprocess.Popen([sys.executable, "-c", script], cwd=PROJECT_ROOT)
    aside = output().with_name("synth.lock")
    time.sleep(0.6)
    caller.send_signal(signal.SIGKILL)
    caller.wait()
    assert aside.exists()
    started = time.monotonic()
    assert not bring_up_to_date("dev").unchanged
    assert time.monotonic() - started > 1.1
    assert synths(project) == 3
    assert bring_up_to_date("dev").unchanged


def test_many_at_once_synthesize_once(project: Path) -> None:
    (project / "stacks/settings.py").write_text("large")
    with ThreadPoolExecutor(8) as pool:
        done = list(pool.map(lambda _: bring_up_to_date("dev").unchanged, range(8)))
    assert sorted(done) == [False] + [True] * 7
    assert synths(project) == 2


def test_synth_says_what_it_did(project: Path) -> None:
    def said(*arguments: str) -> str:
        result = CliRunner().invoke(main, ["synth", "--env", "dev", *arguments])
        assert result.exit_code == 0, result.output
        return result.stdout

    assert said().startswith("1 stack of dev unchanged (0.")
    assert said("--force").startswith("1 stack of dev synthesized (")
