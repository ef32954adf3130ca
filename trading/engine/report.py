"""Terraform's messages about one stack, turned into events and a log that people can read."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, TextIO

from trading.engine.events import (
    Action,
    Changes,
    PlannedChange,
    ResourceFinished,
    ResourceStarted,
    StackPlanned,
    TerraformStarted,
)
from trading.engine.terraform import Message, read_message

if TYPE_CHECKING:
    from collections.abc import Iterable

    from trading.engine.events import Observer, StackProgress


@dataclass
class Report:
    """What Terraform has said of a stack so far."""

    stack: str
    observer: Observer
    log: TextIO
    changes: Changes = field(default_factory=Changes)
    planned: dict[str, PlannedChange] = field(default_factory=dict)
    outputs_change: bool = False
    _errors: list[str] = field(default_factory=list)

    def line(self, text: str) -> None:
        """Take one line of output."""
        message = read_message(text)
        if message is None:
            self.log.write(f"{text}\n")
            return
        self.log.write(_readable(message))
        self._observe(message)

    def started(self, process_id: int) -> None:
        """Take the process that does the work."""
        self.observer(TerraformStarted(self.stack, process_id))

    def progress(self, event: StackProgress) -> None:
        """Take what is done beside Terraform."""
        if event.milestone:
            moment = datetime.now(UTC).isoformat(timespec="milliseconds")
            self.log.write(f"{moment} {event.doing}: {event.text}\n")
        self.observer(event)

    def take_plan(self, changes: Iterable[PlannedChange]) -> None:
        """Take a plan that was made before: when it is applied, Terraform does not repeat it."""
        self.planned = {change.address: change for change in changes}
        self._announce_plan()

    def failure(self, otherwise: str) -> str:
        """Terraform's first error in one line, and how many more there are."""
        if not self._errors:
            return otherwise
        more = f" (and {len(self._errors) - 1} more)" if len(self._errors) > 1 else ""
        return f"{self._errors[0]}{more}"

    def _observe(self, message: Message) -> None:
        match message["type"]:
            case "planned_change":
                self._plan(message["change"])
            case "change_summary" if message["changes"]["operation"] == "plan":
                self._announce_plan()
            case "change_summary":
                changes = message["changes"]
                self.changes += Changes(changes["add"], changes["change"], changes["remove"])
            case "outputs":
                # After an apply it gives values, and no action.
                actions = {output.get("action", "noop") for output in message["outputs"].values()}
                self.outputs_change = actions != {"noop"}
            case "apply_start" | "refresh_start":
                self.observer(ResourceStarted(self.stack, message["hook"]["resource"]["addr"]))
            case "apply_complete" | "apply_errored" | "refresh_complete":
                address = message["hook"]["resource"]["addr"]
                planned = message["type"] != "refresh_complete" and address in self.planned
                self.observer(ResourceFinished(self.stack, address, planned))
            case "diagnostic" if message["diagnostic"]["severity"] == "error":
                self._errors.append(_one_line(message))

    def _announce_plan(self) -> None:
        operations = sum(change.operations for change in self.planned.values())
        self.observer(StackPlanned(self.stack, operations))

    def _plan(self, change: Message) -> None:
        # A move or an import alone is no action on a resource.
        if change["action"] in set(Action):
            resource = change["resource"]
            self.planned[resource["addr"]] = PlannedChange(
                resource["addr"],
                resource.get("resource_type", ""),
                Action(change["action"]),
                change.get("reason", ""),
            )


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
