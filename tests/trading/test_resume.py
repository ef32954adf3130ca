"""A run that was cut off goes on: after Ctrl-C, and after kill -9 of `trading` or of Terraform."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from typing import TYPE_CHECKING, Any

import pytest

from stacks.paths import PROJECT_ROOT

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from pathlib import Path

    from .conftest import Project

# The command itself, on the small platform instead of the synthesized one.
COMMAND = """
import signal
# As a shell starts it in the foreground; whoever starts the tests in the background has it ignored.
signal.signal(signal.SIGINT, signal.default_int_handler)
from stacks.paths import work_directory
from trading.engine import engine
from trading.engine.graph import Graph
engine.synthesize = lambda workspace: Graph.read(work_directory() / workspace / "cdktf.out")
from tests.trading.empty_archive import KNOWING_ARCHIVES, empty_archives
for module in KNOWING_ARCHIVES:
    module.archives = empty_archives
from trading.cli import main
main()
"""
LOG_GROUP = "aws_cloudwatch_log_group.audit"
_MADE = {
    "address": LOG_GROUP,
    "type": "aws_cloudwatch_log_group",
    "change": {"actions": ["create"], "after": {"name": "/aws/audit"}},
}
# What the stand-in plans, makes and shows of a stack of one log group.
PLANNED: dict[str, Any] = {"creates": [LOG_GROUP], "show": {"resource_changes": [_MADE]}}
EAST = ("security-us-east-1", "network-us-east-1", "data-us-east-1")


class Operator:
    """Starts `trading` as a process, as a shell does."""

    def __init__(self) -> None:
        self.started: list[subprocess.Popen[str]] = []

    def start(self, *arguments: str) -> subprocess.Popen[str]:
        process = subprocess.Popen(
            [sys.executable, "-c", COMMAND, *arguments, "--env", "dev"],
            cwd=PROJECT_ROOT,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        self.started.append(process)
        return process

    def run(self, *arguments: str) -> tuple[int, str, str]:
        process = self.start(*arguments)
        output, errors = process.communicate(timeout=120)
        return process.returncode, output, errors


@pytest.fixture
def operator(project: Project) -> Iterator[Operator]:
    project.deploy_state("foundation-us-east-1", "foundation-us-west-2", workspace="foundation")
    operator = Operator()
    yield operator
    for process in operator.started:
        process.kill()
        process.communicate()
    for call in project.calls():
        if call["moment"] == "start" and call["arguments"][0] == "apply":
            kill(call["pid"])


def kill(process_id: int) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.kill(process_id, signal.SIGKILL)


def wait_for(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def until(text: str, lines: Iterable[str]) -> Iterator[str]:
    for line in lines:
        yield line
        if text in line:
            return
    raise AssertionError(f"never said: {text}")


def let_go_on(project: Project, stack: str) -> None:
    (project.stacks[stack].directory / "fake.json").unlink()


def applies(project: Project, moment: str = "start") -> list[str]:
    return [call["stack"] for call in project.calls("apply") if call["moment"] == moment]


def terraform_of(project: Project, stack: str) -> int:
    pids = [call["pid"] for call in project.calls("apply") if call["stack"] == stack]
    return int(pids[-1])


def deployed(project: Project) -> set[str]:
    return {path.parents[1].name for path in (project.work / "state").glob("*/dev/*.tfstate")}


def test_kill_of_trading_leaves_terraform_to_end_and_resume_goes_on(
    project: Project, operator: Operator
) -> None:
    project.behave("network-us-east-1", seconds=600)
    first = operator.start("deploy", *EAST, "--yes")
    wait_for(lambda: "network-us-east-1" in applies(project))
    first.kill()
    first.wait()
    resumed = operator.start("resume", "--yes")
    assert resumed.stdout is not None
    said = "".join(until("waiting for Terraform (process", resumed.stdout))
    assert "took over the lock of a run that is dead" in said
    assert applies(project) == ["security-us-east-1", "network-us-east-1"]
    let_go_on(project, "network-us-east-1")
    output, errors = resumed.communicate(timeout=120)
    assert resumed.returncode == 0, output + errors
    # The interrupted one came to its end by itself, before it was asked again.
    assert applies(project, "end").count("network-us-east-1") == 2
    assert applies(project).count("security-us-east-1") == 1
    assert deployed(project) == set(EAST)


def test_kill_of_terraform_fails_its_stack_and_resume_goes_on(
    project: Project, operator: Operator
) -> None:
    project.behave("network-us-east-1", seconds=600)
    first = operator.start("deploy", *EAST, "security-us-west-2", "--yes")
    wait_for(lambda: "network-us-east-1" in applies(project))
    kill(terraform_of(project, "network-us-east-1"))
    output, errors = first.communicate(timeout=60)
    assert first.returncode == 1
    assert "Terraform was killed (signal 9)" in output
    assert "network-us-east-1 failed" in output
    assert "go on with `trading resume --env dev`" in errors
    project.behave("network-us-east-1")
    code, output, errors = operator.run("resume", "--yes")
    assert code == 0, output + errors
    assert "2 stacks left" in output
    done_before = {"security-us-east-1", "security-us-west-2"}
    assert all(applies(project).count(stack) == 1 for stack in done_before)
    assert deployed(project) == {*EAST, "security-us-west-2"}


def test_ctrl_c_stops_cleanly_and_resume_goes_on(project: Project, operator: Operator) -> None:
    project.behave("network-us-east-1", seconds=600)
    first = operator.start("deploy", *EAST, "--yes")
    wait_for(lambda: "network-us-east-1" in applies(project))
    first.send_signal(signal.SIGINT)
    output, _ = first.communicate(timeout=60)
    assert first.returncode == 1
    assert "Stopping: waiting for Terraform to finish cleanly in network-us-east-1" in output
    project.behave("network-us-east-1")
    code, output, errors = operator.run("resume", "--yes")
    assert code == 0, output + errors
    assert deployed(project) == set(EAST)


def test_a_half_done_destroy_is_resumed(project: Project, operator: Operator) -> None:
    project.deploy_state(*EAST)
    project.behave("network-us-east-1", seconds=600)
    first = operator.start("destroy", "--confirm", "dev")
    wait_for(lambda: "network-us-east-1" in applies(project))
    first.kill()
    first.wait()
    let_go_on(project, "network-us-east-1")
    assert deployed(project) >= {"security-us-east-1"}
    code, output, errors = operator.run("resume", "--confirm", "dev")
    assert code == 0, output + errors
    assert applies(project).count("data-us-east-1") == 1
    assert deployed(project) == set()


def test_a_resumed_destroy_has_the_name_typed_too(project: Project, operator: Operator) -> None:
    project.deploy_state(*EAST)
    project.behave("data-us-east-1", fail="DependencyViolation")
    assert operator.run("destroy", "--confirm", "dev")[0] == 1
    code, _, errors = operator.run("resume", "--yes")
    assert code == 1
    assert "add --confirm dev" in errors


def test_there_may_be_nothing_to_resume(operator: Operator) -> None:
    assert operator.run("resume")[:2] == (0, "nothing to resume: nothing has been run\n")
    assert operator.run("deploy", "global-zone", "--yes")[0] == 0
    code, output, _ = operator.run("resume")
    assert code == 0
    assert "came to its end" in output


def test_only_the_last_run_is_resumed(project: Project, operator: Operator) -> None:
    """An old destroy must not come back over what has been deployed since."""
    project.deploy_state(*EAST)
    project.behave("data-us-east-1", fail="DependencyViolation")
    assert operator.run("destroy", "--confirm", "dev")[0] == 1
    project.behave("data-us-east-1")
    assert operator.run("deploy", *EAST, "--yes")[0] == 0
    assert "came to its end" in operator.run("resume", "--confirm", "dev")[1]


def test_a_run_on_another_target_is_not_resumed(project: Project, operator: Operator) -> None:
    project.behave("global-zone", fail="Throttling")
    operator.run("deploy", "global-zone", "--yes")
    [journal] = (project.work / "dev" / "journal").iterdir()
    journal.write_text(journal.read_text().replace('"target": "aws"', '"target": "local"'))
    code, _, errors = operator.run("resume", "--yes")
    assert code == 1
    assert "use --target local" in errors


def test_a_journal_cut_off_in_the_middle_of_a_line_is_read(
    project: Project, operator: Operator
) -> None:
    project.behave("network-us-east-1", fail="Throttling")
    operator.run("deploy", *EAST[:2], "--yes")
    [journal] = (project.work / "dev" / "journal").iterdir()
    lines = journal.read_text().splitlines()
    cut = next(number for number, line in enumerate(lines) if '"finished"' in line) + 1
    journal.write_text("\n".join(lines[:cut]) + '\n{"event": "star')
    project.behave("network-us-east-1")
    code, output, _ = operator.run("resume", "--yes")
    assert code == 0
    assert applies(project).count("security-us-east-1") == 1
    assert "1 stack left" in output


def test_a_second_operator_is_told_who_is_at_work(project: Project, operator: Operator) -> None:
    project.behave("security-us-east-1", seconds=600)
    first = operator.start("deploy", *EAST, "--yes")
    wait_for(lambda: "security-us-east-1" in applies(project))
    for verb in (("deploy", "--yes"), ("destroy", "--confirm", "dev"), ("resume", "--yes")):
        code, _, errors = operator.run(*verb)
        assert code == 1
        assert "another run works on dev" in errors
        assert str(first.pid) in errors
    assert applies(project) == ["security-us-east-1"]


def test_what_a_killed_terraform_was_making_is_taken_over(
    project: Project, operator: Operator
) -> None:
    """Also when another deploy has failed at it since, and by the next deploy as by resume."""
    project.behave("security-us-east-1", **PLANNED, hang_after=0)
    first = operator.start("deploy", "security-us-east-1", "--yes")
    wait_for(lambda: "security-us-east-1" in applies(project))
    wait_for(lambda: '"apply_start"' in transcripts(project))
    kill(terraform_of(project, "security-us-east-1"))
    first.communicate(timeout=60)
    # Not seen yet by what looks for it, but in the way of making it.
    project.behave("security-us-east-1", **PLANNED, fail="it already exists")
    assert operator.run("deploy", "security-us-east-1", "--yes")[0] == 1
    assert len(imports(project)) == 1
    project.behave("security-us-east-1", **PLANNED, exists={LOG_GROUP: "/aws/audit"})
    code, output, errors = operator.run("resume", "--yes")
    assert code == 0, output + errors
    assert f"security-us-east-1: took over {LOG_GROUP}" in output
    assert imports(project)[-1] == [LOG_GROUP, "/aws/audit"]
    tried = len(imports(project))
    assert operator.run("deploy", "security-us-east-1", "--yes")[0] == 0
    assert len(imports(project)) == tried


def test_a_destroy_takes_over_what_no_state_knows(project: Project, operator: Operator) -> None:
    """Or it would find nothing to destroy, and leave it there."""
    project.behave("security-us-east-1", **PLANNED, hang_after=0)
    first = operator.start("deploy", "security-us-east-1", "--yes")
    wait_for(lambda: '"apply_start"' in transcripts(project))
    kill(terraform_of(project, "security-us-east-1"))
    first.communicate(timeout=60)
    project.behave("security-us-east-1", **PLANNED, exists={LOG_GROUP: "/aws/audit"})
    code, output, errors = operator.run("destroy", "--confirm", "dev")
    assert code == 0, output + errors
    assert f"security-us-east-1: took over {LOG_GROUP}" in output
    assert imports(project)[-1] == [LOG_GROUP, "/aws/audit"]


def transcripts(project: Project) -> str:
    found = (project.work / "dev" / "logs").glob("*/security-us-east-1.jsonl")
    return "".join(path.read_text() for path in found)


def imports(project: Project) -> list[list[str]]:
    calls = project.calls("import")
    return [call["arguments"][-2:] for call in calls if call["moment"] == "start"]


def test_ctrl_c_while_taking_over_stops_terraform(project: Project, operator: Operator) -> None:
    project.behave("security-us-east-1", hang_after=0)
    first = operator.start("deploy", "security-us-east-1", "--yes")
    wait_for(lambda: '"apply_start"' in transcripts(project))
    kill(terraform_of(project, "security-us-east-1"))
    first.communicate(timeout=60)
    project.behave("security-us-east-1", plan_seconds=600)
    second = operator.start("deploy", "security-us-east-1", "--yes")
    wait_for(lambda: bool(project.calls("plan")))
    second.send_signal(signal.SIGINT)
    output, errors = second.communicate(timeout=60)
    assert (second.returncode, errors) == (130, "interrupted\n"), output
    assert [call["moment"] for call in project.calls("plan")] == ["start", "end"]


def test_a_lost_terminal_stops_cleanly_however_often_it_is_told(
    project: Project, operator: Operator
) -> None:
    project.behave("global-zone", seconds=600, stubborn=True)
    process = operator.start("deploy", "global-zone", "--yes")
    wait_for(lambda: bool(applies(project)))
    process.send_signal(signal.SIGHUP)
    wait_for(lambda: "global-zone" in applies(project, "ignored"))
    process.send_signal(signal.SIGHUP)
    time.sleep(0.5)
    let_go_on(project, "global-zone")
    process.communicate(timeout=60)
    assert applies(project, "end") == ["global-zone"]


def rerouted(folder: Path, name: str, state: str) -> None:
    """The journal of a drain."""
    arguments = ["-target=aws_route53_record.us_west_2_latency"]
    step = {"stack": "global-dns", "verb": "deploy", "arguments": arguments}
    begin = {"event": "run", "at": "2999-01-01T00:00:00+00:00", "verb": "deploy", "target": "aws"}
    entries = [
        begin | {"allow_replace": [], "steps": [step]},
        {"event": "finished", "stack": "global-dns", "state": state},
    ]
    text = "".join(json.dumps(entry) + "\n" for entry in entries)
    (folder / f"{name}-deploy.jsonl").write_text(text)


def test_neither_a_drain_nor_an_empty_journal_hides_what_is_left(
    project: Project, operator: Operator
) -> None:
    project.behave("global-zone", fail="Throttling")
    assert operator.run("deploy", "global-zone", "--yes")[0] == 1
    journal = project.work / "dev" / "journal"
    # The second drain has settled the first.
    rerouted(journal, "29990101T000001", "failed")
    rerouted(journal, "29990101T000002", "done")
    (journal / "29990101T000003-deploy.jsonl").touch()
    project.behave("global-zone")
    code, output, errors = operator.run("resume", "--yes")
    assert code == 0, output + errors
    assert "1 stack left" in output
    assert "global-zone" in deployed(project)
    assert "came to its end" in operator.run("resume")[1]


@pytest.mark.parametrize(
    "text",
    [
        b"null\n",
        b"[1]\n",
        b"{}\n",
        b"\xff\n",
        b'{"event": "run", "at": "2999-01-01T00:00:00+00:00", "verb": "deploy"}\n',
    ],
)
def test_a_journal_that_cannot_be_read_is_left_out(
    project: Project, operator: Operator, text: bytes
) -> None:
    project.behave("global-zone", fail="Throttling")
    assert operator.run("deploy", "global-zone", "--yes")[0] == 1
    journal = project.work / "dev" / "journal" / "29990101T000001-deploy.jsonl"
    journal.write_bytes(text)
    project.behave("global-zone")
    code, output, errors = operator.run("resume", "--yes")
    assert code == 0, output + errors
    assert errors == f"{journal} cannot be read: left out\n"


def test_a_stack_that_is_no_more_is_not_resumed(project: Project, operator: Operator) -> None:
    project.behave("global-zone", fail="Throttling")
    assert operator.run("deploy", "global-zone", "--yes")[0] == 1
    [journal] = (project.work / "dev" / "journal").iterdir()
    journal.write_text(journal.read_text().replace("global-zone", "gone"))
    code, _, errors = operator.run("resume", "--yes")
    assert code == 1
    assert "left gone, which the settings know no more" in errors
    assert errors.count("\n") == 1


def test_what_the_settings_know_no_more_is_named(project: Project, operator: Operator) -> None:
    project.deploy_state("security-eu-west-1")
    for verb in (("deploy", "--yes"), ("destroy", "--confirm", "dev")):
        code, output, errors = operator.run(*verb)
        assert code == 0, output + errors
        assert "warning: security-eu-west-1: deployed, but" in output
    assert "warning" not in operator.run("deploy", "global-zone", "--yes")[1]
