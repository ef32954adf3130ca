"""What can happen to a run at three in the morning."""

from __future__ import annotations

import json
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import psutil

from tests.end_to_end.clients import client_at
from tests.end_to_end.conftest import WORKSPACE, Operator
from trading.engine.journal import RecordedRun, RecordedStep, last_run

FLOW_LOG_GROUP = f"/vpc/flow-log-{WORKSPACE}"
PATIENCE_SECONDS = 300


def aws(operator: Operator, service: str, region: str) -> Any:
    """A client of the operator's local AWS, behind Terraform's back."""
    return client_at(operator.local.endpoint_url, service, region)


@contextmanager
def obstacle(operator: Operator, region: str) -> Iterator[None]:
    """Somebody else's log group of the name that the region's network wants."""
    logs = aws(operator, "logs", region)
    logs.create_log_group(logGroupName=FLOW_LOG_GROUP)
    yield
    logs.delete_log_group(logGroupName=FLOW_LOG_GROUP)


def run_of(operator: Operator) -> RecordedRun | None:
    """The operator's last run, as its journal tells it by now."""
    return last_run(operator.work / operator.workspace / "journal")


def wait_until(what: str, condition: Callable[[], bool]) -> None:
    """Fails after some minutes, naming what did not come."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not condition():
        assert time.monotonic() < deadline, f"not in {PATIENCE_SECONDS} s: {what}"
        time.sleep(0.2)


def step_of(operator: Operator, stack: str) -> RecordedStep:
    """What the journal has of a stack."""
    run = run_of(operator)
    assert run is not None
    return run.steps[stack]


def is_at(operator: Operator, stack: str, address: str) -> bool:
    """Whether Terraform is at a resource of the stack: begun, and not ended."""
    run = run_of(operator)
    transcript = run.steps[stack].transcript if run and stack in run.steps else None
    if transcript is None or not transcript.is_file():
        return False
    told = [json.loads(line) for line in transcript.read_text().splitlines()]
    about = [
        message["type"]
        for message in told
        if message.get("hook", {}).get("resource", {}).get("addr") == address
    ]
    return "apply_start" in about and not {"apply_complete", "apply_errored"} & set(about)


def kill_terraform(operator: Operator, stack: str) -> None:
    """Kill -9, with the provider, so that nothing of it goes on."""
    terraform = step_of(operator, stack).terraform
    process = terraform.living() if terraform else None
    assert process is not None, f"no Terraform works on {stack}"
    for victim in (process, *process.children(recursive=True)):
        victim.send_signal(signal.SIGKILL)
    psutil.wait_procs([process], timeout=PATIENCE_SECONDS)
