"""Stands in for Terraform: a real process that answers in Terraform's JSON and records its calls.

A stack's folder may hold `fake.json`: `resources` (how many, 2), `creates` (their addresses), `seconds` (of
apply), `plan_seconds`, `fail` (the error), `stubborn` (ignores the first interrupt), `changes` (planned of
what is deployed: address to action), `outputs` (whether those change its outputs), `show` (the JSON of a
plan), `hang_after` (how many resources are made before it stays in the next), `sensitive` (names of
outputs), `values` (of outputs by name), `exists` (what may be imported: address to id; a `show`ed change
that was imported is left out, and its `then` joins the planned values of others). FAKE_STATE is where it
keeps state; FAKE_CALLS its record.
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
imported_file = Path("imported")
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


def resource(address: str, action: str = "create") -> dict[str, Any]:
    kind = address.partition(".")[0]
    return {"resource": {"addr": address, "resource_type": kind}, "action": action}


def planned() -> dict[str, str]:
    """Address to action."""
    there = state.exists() and state.read_text() != "{}"
    numbered = [f"fake_resource.r{number}" for number in range(behaviour.get("resources", 2))]
    every = behaviour.get("creates", numbered)
    if "-destroy" in sys.argv:
        return dict.fromkeys(every if there else [], "delete")
    if not there:
        return dict.fromkeys(every, "create")
    return dict(behaviour.get("changes", {}))


def summary(operation: str, actions: dict[str, str]) -> None:
    counts = {
        name: sum(action in {kind, "replace"} for action in actions.values())
        for name, kind in (("add", "create"), ("remove", "delete"))
    }
    counts["change"] = list(actions.values()).count("update")
    say("change_summary", operation, changes=counts | {"operation": operation})


def say_plan(actions: dict[str, str]) -> None:
    for address, action in actions.items():
        say("planned_change", f"{address}: Plan to {action}", change=resource(address, action))
    summary("plan", actions)
    fresh = "create" if actions and not state.exists() else "noop"
    change = "update" if actions and behaviour.get("outputs") else fresh
    say("outputs", "Outputs: 1", outputs={"id": {"action": change, "sensitive": False}})
    for entry in behaviour.get("show", {}).get("resource_drift", []):
        say("resource_drift", "Drift detected", change=resource(entry["address"], "update"))


def pause(name: str) -> None:
    deadline = time.monotonic() + behaviour.get(name, 0)
    # Taken away, the file lets it go on.
    while time.monotonic() < deadline and behaviour_file.exists():
        time.sleep(0.01)


def plan() -> None:
    if "fail_plan" in behaviour:
        fail("planning Fake", behaviour["fail_plan"])
    pause("plan_seconds")
    actions = planned()
    say_plan(actions)
    out = next(argument for argument in sys.argv if argument.startswith("-out="))
    Path(out.removeprefix("-out=")).write_text(json.dumps(actions))
    record("end")
    sys.exit(2 if actions else 0)


def apply() -> None:
    saved = Path(sys.argv[-1])
    if saved.suffix == ".tfplan":
        actions = json.loads(saved.read_text())
    else:
        actions = planned()
        say_plan(actions)
    pause("seconds")
    if "fail" in behaviour:
        fail("creating Fake", behaviour["fail"])
    for number, (address, action) in enumerate(actions.items()):
        say("apply_start", f"{address}: {action}...", hook=resource(address, action))
        while number == behaviour.get("hang_after"):
            time.sleep(0.01)
        say("apply_complete", f"{address}: complete", hook=resource(address, action))
    summary("apply", actions)
    state.parent.mkdir(parents=True, exist_ok=True)
    destroyed = "delete" in actions.values()
    state.write_text("{}" if destroyed else json.dumps({"stack": stack, "at": time.time()}))


def output() -> None:
    declared = json.loads(Path("cdk.tf.json").read_text())["output"]
    there = state.exists() and state.read_text() != "{}"
    values = {name: f"{name} of {stack}" for name in declared} if there else {}
    values |= behaviour.get("values", {})
    sensitive = behaviour.get("sensitive", [])
    outputs = {
        name: {"value": value, "sensitive": name in sensitive} for name, value in values.items()
    }
    put(json.dumps(outputs))


def import_resource() -> None:
    address, identity = sys.argv[-2:]
    if behaviour.get("exists", {}).get(address) != identity:
        put("Error: Cannot import non-existent remote object")
        record("end")
        sys.exit(1)
    with imported_file.open("a") as imported:
        imported.write(f"{address}\n")


def show() -> None:
    shown = behaviour.get("show", {})
    imported = imported_file.read_text().split() if imported_file.exists() else []
    changes = shown.get("resource_changes", [])
    then = [change.get("then", {}) for change in changes if change["address"] in imported]
    shown["resource_changes"] = [change for change in changes if change["address"] not in imported]
    for address, values in (item for known in then for item in known.items()):
        for change in shown["resource_changes"]:
            if change["address"] == address:
                change["change"]["after"] |= values
    put(json.dumps(shown))


record("start")
if "TF_LOG" in os.environ:
    sys.stderr.write("2025-01-31T12:00:00.000Z [DEBUG] adding {} to the graph\n")
signal.signal(signal.SIGINT, interrupted)
match sys.argv[1]:
    case "version":
        put(json.dumps({"terraform_version": os.environ.get("FAKE_VERSION", "1.11.4")}))
    case "init":
        Path(".terraform").mkdir(exist_ok=True)
        Path(".terraform/terraform.tfstate").touch()
        put("Initializing the backend...")
    case "plan":
        plan()
    case "apply":
        apply()
    case "show":
        show()
    case "import":
        import_resource()
    case "state":
        there = state.exists() and state.read_text() != "{}"
        for number in range(behaviour.get("resources", 2) if there else 0):
            put(f"fake_resource.r{number}")
        for address in behaviour.get("addresses", []):
            put(address)
    case "output":
        output()
    case "force-unlock" if "fail_unlock" in behaviour:
        put(behaviour["fail_unlock"])
        sys.exit(1)
    case "workspace":
        shutil.rmtree(state.parents[1] / sys.argv[-1])
record("end")
