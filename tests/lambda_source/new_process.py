"""The handler in a process of its own, as a new execution environment begins."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from tests.lambda_source.events import InvocationContext

if TYPE_CHECKING:
    pass

# A process that answers requests, as a new execution environment does.
ANSWER = """
import json, sys, types
from trade_service.handlers import trade_api
context = types.SimpleNamespace(**json.loads(sys.argv[1]), get_remaining_time_in_millis=lambda: 30_000)
for event in json.load(sys.stdin):
    trade_api.handler(event, context)
print("MODULES " + " ".join(sys.modules))
"""


@dataclass(frozen=True)
class Output:
    """What a process wrote: lines for people, and metrics; and the modules that it had imported."""

    lines: list[dict[str, Any]]
    metrics: list[dict[str, Any]]
    modules: set[str]


def answer_in_new_process(*events: dict[str, Any], **environment: str) -> Output:
    context = {
        name: getattr(InvocationContext(), name) for name in InvocationContext.__dataclass_fields__
    }
    run = subprocess.run(
        [sys.executable, "-c", ANSWER, json.dumps(context)],
        input=json.dumps(events),
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "PYTHONPATH": "src/lambda", **environment},
    )
    assert run.returncode == 0, run.stderr
    *written, modules = run.stdout.splitlines()
    documents = [json.loads(line) for line in written]
    return Output(
        lines=[document for document in documents if "_aws" not in document],
        metrics=[document for document in documents if "_aws" in document],
        modules=set(modules.split()[1:]),
    )
