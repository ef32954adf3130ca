"""Stands in for Terraform: a real process that answers in Terraform's JSON and records its calls.

A stack's folder may hold `fake.json`: `resources` (how many, 2), `seconds` (of apply), `fail` (the error),
`stubborn` (ignores the first interrupt). FAKE_STATE is where it keeps state; FAKE_CALLS its record.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import sys
import time
from pathlib import Path
from typing import Any, NoReturn

stack = Path.cwd().name
workspace = os.environ.get("TF_WORKSPACE", "")
behaviour_file = Path("fake.json")
behaviour = json.loads(behaviour_file.read_text()) if behaviour_file.exists() else {}
state = Path(os.environ["FAKE_STATE"]) / stack / workspace / "terraform.tfstate"


def record(moment: str) -> None:
    line: dict[str, Any] = {
        "stack": stack,
        "arguments": sys.argv[1:],
        "workspace": workspace,
        "moment": moment,
    }
    line |= {"time": time.monotonic(), "pid": os.getpid()}
    with Path(os.environ["FAKE_CALLS"]).open("a") as calls:
        calls.write(json.dumps(line) + "\n")


def put(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def say(kind: str, text: str, **more: Any) -> None:
    message: dict[str, Any] = {"@level": "info", "@message": text, "@module": "terraform.ui"}
    message |= {"@timestamp": "2025-01-31T12:00:00.000000Z", "type": kind, **more}
    put(json.dumps(message))


def fail(summary: str, detail: str = "") -> NoReturn:
    diagnostic = {"severity": "error", "summary": summary, "detail": detail}
    say("diagnostic", f"Error: {summary}", diagnostic=diagnostic)
    record("end")
    sys.exit(1)


def interrupted(*_: object) -> None:
    if behaviour.get("stubborn"):
        record("ignored")
        return
    fail("execution halted", "Interrupted.")


def resource(number: int) -> dict[str, Any]:
    return {"resource": {"addr": f"fake_resource.r{number}"}, "action": "create"}


def summary(operation: str, count: int) -> None:
    destroy = "-destroy" in sys.argv
    changes = {"add": 0 if destroy else count, "change": 0, "remove": count if destroy else 0}
    say("change_summary", f"{operation}: {count}", changes=changes | {"operation": operation})


def apply() -> None:
    destroy = "-destroy" in sys.argv
    there = state.exists()
    count = behaviour.get("resources", 2) if there == destroy else 0
    for number in range(count):
        say("planned_change", f"r{number}: Plan to create", change=resource(number))
    summary("plan", count)
    deadline = time.monotonic() + behaviour.get("seconds", 0)
    while time.monotonic() < deadline:
        time.sleep(0.01)
    if "fail" in behaviour:
        fail("creating Fake", behaviour["fail"])
    for number in range(count):
        say("apply_start", f"r{number}: Creating...", hook=resource(number))
        say("apply_complete", f"r{number}: Creation complete", hook=resource(number))
    summary("apply", count)
    state.parent.mkdir(parents=True, exist_ok=True)
    state.write_text("{}" if destroy else json.dumps({"stack": stack}))


def output() -> None:
    declared = json.loads(Path("cdk.tf.json").read_text())["output"]
    there = state.exists() and state.read_text() != "{}"
    values = {name: f"{name} of {stack}" for name in declared} if there else {}
    put(json.dumps({name: {"value": value} for name, value in values.items()}))


record("start")
signal.signal(signal.SIGINT, interrupted)
match sys.argv[1]:
    case "version":
        put(json.dumps({"terraform_version": os.environ.get("FAKE_VERSION", "1.11.4")}))
    case "init":
        Path(".terraform").mkdir(exist_ok=True)
        put("Initializing the backend...")
    case "apply":
        apply()
    case "output":
        output()
    case "workspace":
        shutil.rmtree(state.parents[1] / sys.argv[-1])
record("end")
