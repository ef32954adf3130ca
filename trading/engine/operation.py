"""What a run does to one stack: initialise, apply or destroy, report, and log it whole."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, TextIO

from trading.engine.events import (
    Changes,
    ResourceFinished,
    ResourceStarted,
    StackFinished,
    StackPlanned,
    StackStarted,
    State,
)
from trading.engine.terraform import Message, Terraform, read_message
from trading.errors import OperatorError

if TYPE_CHECKING:
    from pathlib import Path

    from trading.engine.events import Observer
    from trading.engine.graph import Stack

# How many operations on a resource each planned action comes to.
_OPERATIONS = {"create": 1, "read": 1, "update": 1, "delete": 1, "replace": 2}


class Verb(StrEnum):
    """What is done to stacks."""

    DEPLOY = "deploy"
    DESTROY = "destroy"


class StackFailedError(OperatorError):
    """Terraform failed; the message is its own error in one line."""


@dataclass(frozen=True)
class StackOperation:
    """One verb, ready to be done to any stack; `logs` is the folder of this run."""

    verb: Verb
    terraform: Terraform
    logs: Path

    def __call__(self, stack: Stack, observer: Observer) -> StackFinished:
        """Do it, and tell how it ended. Called from a thread of its own for each stack."""
        started = time.monotonic()
        self.logs.mkdir(parents=True, exist_ok=True)
        path = self.logs / f"{stack.name}.log"
        with path.open("w", buffering=1) as log:
            observer(StackStarted(stack.name, path))
            report = _Report(stack.name, observer, log)
            state, reason = State.DONE, ""
            try:
                self._perform(stack, report)
            except OperatorError as error:
                stopped = self.terraform.processes.stopping
                state, reason = State.FAILED, "interrupted" if stopped else str(error)
        seconds = time.monotonic() - started
        return StackFinished(stack.name, state, seconds, report.changes, reason, path)

    def _perform(self, stack: Stack, report: _Report) -> None:
        if self.terraform.initialise(stack.directory, report.line) != 0:
            raise StackFailedError(report.failure("terraform init failed"))
        destroy = self.verb is Verb.DESTROY
        arguments = ["-destroy"] if destroy else []
        if self.terraform.apply(stack.directory, report.line, arguments=arguments) != 0:
            raise StackFailedError(report.failure(f"terraform {self.verb} failed"))
        if destroy and self.terraform.delete_workspace(stack.directory, report.line) != 0:
            raise StackFailedError(report.failure("its emptied state could not be removed"))


@dataclass
class _Report:
    """Turns Terraform's messages into events and a log that people can read."""

    stack: str
    observer: Observer
    log: TextIO
    changes: Changes = field(default_factory=Changes)
    _planned: dict[str, str] = field(default_factory=dict)
    _errors: list[str] = field(default_factory=list)

    def line(self, text: str) -> None:
        """Take one line of output."""
        message = read_message(text)
        if message is None:
            self.log.write(f"{text}\n")
            return
        self.log.write(_readable(message))
        self._observe(message)

    def failure(self, otherwise: str) -> str:
        """Terraform's first error in one line, and how many more there are."""
        if not self._errors:
            return otherwise
        more = f" (and {len(self._errors) - 1} more)" if len(self._errors) > 1 else ""
        return f"{self._errors[0]}{more}"

    def _observe(self, message: Message) -> None:
        match message["type"]:
            case "planned_change":
                change = message["change"]
                self._planned[change["resource"]["addr"]] = change["action"]
            case "change_summary" if message["changes"]["operation"] == "plan":
                operations = sum(_OPERATIONS.get(action, 0) for action in self._planned.values())
                self.observer(StackPlanned(self.stack, operations))
            case "change_summary":
                changes = message["changes"]
                self.changes = Changes(changes["add"], changes["change"], changes["remove"])
            case "apply_start":
                self.observer(ResourceStarted(self.stack, message["hook"]["resource"]["addr"]))
            case "apply_complete" | "apply_errored":
                address = message["hook"]["resource"]["addr"]
                self.observer(ResourceFinished(self.stack, address, address in self._planned))
            case "diagnostic" if message["diagnostic"]["severity"] == "error":
                self._errors.append(_one_line(message))


def _one_line(message: Message) -> str:
    diagnostic = message["diagnostic"]
    address = diagnostic.get("address")
    detail = " ".join(diagnostic.get("detail", "").split())
    return ": ".join(part for part in (address, diagnostic["summary"], detail) if part)


def _readable(message: Message) -> str:
    """A message as a log line; a diagnostic with all it says about its cause and place."""
    lines = [f"{message['@timestamp']} {message['@message']}"]
    if diagnostic := message.get("diagnostic"):
        place = diagnostic.get("range", {})
        position = f"{place['filename']}:{place['start']['line']}" if place else ""
        code = diagnostic.get("snippet", {}).get("code", "")
        details = (diagnostic.get("address", ""), position, code, diagnostic.get("detail", ""))
        lines += [f"    {line}" for detail in details for line in detail.splitlines()]
    return "\n".join(lines) + "\n"
