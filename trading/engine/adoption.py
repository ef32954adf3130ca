"""Take over what a killed Terraform made and could not record.

Terraform records a resource when AWS has answered. Killed before, it leaves things in AWS that are in
no state, and the next apply stops at "already exists". What it had begun is in its transcript.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from stacks.settings import GLOBAL_REGION
from trading.aws import client
from trading.engine.import_identities import (
    IMPORTABLE,
    REPEATABLE,
    Attributes,
    identity_of,
)
from trading.engine.terraform import PlanCode, Terraform, read_message

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from trading.engine.graph import Stack

_POLL_SECONDS = 5.0
# Longer than AWS takes for anything of ours.
_PATIENCE_SECONDS = 3600.0


@dataclass(frozen=True)
class Adoption:
    """What became of the resources that were being made: addresses now in the state, and those that
    may have left something in AWS which the next apply makes again (`trading orphans` finds it).
    """

    adopted: tuple[str, ...] = ()
    left_behind: tuple[str, ...] = ()


@dataclass(frozen=True)
class _Planned:
    """A resource that the state lacks, with what is known of it."""

    address: str
    resource_type: str
    attributes: Attributes


def adopt(
    terraform: Terraform,
    stack: Stack,
    transcripts: Sequence[Path],
    on_line: Callable[[str], None],
    waiting: Callable[[str], None] = lambda _: None,
) -> Adoption:
    """Import what the applies of these transcripts, the oldest first, had begun to create, and the
    state does not have.

    The next apply settles what is incomplete. Waits until AWS has made what it is still making,
    an hour at most, and tells `waiting` the address of each.
    Where Terraform cannot plan, nothing is adopted: the next apply says why.
    """
    begun: dict[str, str | None] = {}
    for transcript in transcripts:
        begun |= begun_creations(transcript)
    return _Adopter(terraform, stack, begun, on_line, waiting).run() if begun else Adoption()


def begun_creations(transcript: Path) -> dict[str, str | None]:
    """The addresses whose creation began and did not fail, with their ids where AWS answered.

    Those that AWS answered for count too: a remote state is written every 20 seconds only.
    """
    begun: dict[str, str | None] = {}
    if not transcript.is_file():
        return begun
    for line in transcript.read_text(errors="replace").splitlines():
        message = read_message(line)
        hook = message.get("hook", {}) if message else {}
        if not message or hook.get("action") != "create":
            continue
        address = hook["resource"]["addr"]
        match message["type"]:
            case "apply_start":
                begun[address] = None
            case "apply_complete":
                begun[address] = hook.get("id_value")
            case "apply_errored":
                # Terraform recorded it, or AWS refused: a thing of that name may be another's.
                begun.pop(address, None)
    return begun


class _Adopter:
    """The adoption of one stack."""

    def __init__(
        self,
        terraform: Terraform,
        stack: Stack,
        begun: dict[str, str | None],
        on_line: Callable[[str], None],
        waiting: Callable[[str], None],
    ) -> None:
        self._terraform = terraform
        self._stack = stack
        self._begun = begun
        self._on_line = on_line
        self._waiting = waiting
        self._deadline = time.monotonic() + _PATIENCE_SECONDS
        # What was imported, or need not be: it cannot be, or is not there.
        self._settled: set[str] = set()

    def run(self) -> Adoption:
        """Import until nothing more can be: what was adopted makes known what stands on it."""
        adopted: list[str] = []
        while missing := self._missing():
            identities = {
                resource.address: identity
                for resource in missing
                if resource.address not in self._settled and (identity := self._identity(resource))
            }
            self._settled |= identities.keys()
            new = [
                address
                for address, identity in identities.items()
                if self._import(address, identity)
            ]
            adopted += new
            if not new:
                break
        left = [resource.address for resource in missing if self._may_be_left(resource)]
        return Adoption(tuple(adopted), tuple(left))

    def _missing(self) -> list[_Planned]:
        """What was begun and a plan would create: it is wanted, and not in the state."""
        with TemporaryDirectory() as folder:
            plan = Path(folder) / "plan"
            # Only what the state lacks is asked for, so nothing needs to be read from AWS.
            code = self._terraform.plan(
                self._stack.directory, self._on_line, out=plan, arguments=["-refresh=false"]
            )
            if code is PlanCode.FAILED:
                return []
            changes = self._terraform.show(self._stack.directory, plan).get("resource_changes", [])
        return [planned for change in changes if (planned := self._planned(change))]

    def _planned(self, change: dict[str, Any]) -> _Planned | None:
        address = change["address"]
        if address not in self._begun or change["change"]["actions"] != ["create"]:
            return None
        identifier = self._begun[address]
        recorded = {"id": identifier} if identifier else {}
        return _Planned(address, change["type"], {**change["change"]["after"], **recorded})

    def _identity(self, resource: _Planned) -> str | None:
        """Its import identity, once AWS has made it; None where that is not known, or not there."""
        from botocore.exceptions import ClientError  # noqa: PLC0415 - slow to import

        importable = IMPORTABLE.get(resource.resource_type)
        if importable is None:
            return None
        attributes = dict(resource.attributes)
        clients = partial(self._client, attributes)
        try:
            if importable.find and "id" not in attributes:
                found = importable.find(clients, attributes)
                if found is None:
                    self._settled.add(resource.address)
                    return None
                attributes["id"] = found
            told = False
            while importable.being_made and importable.being_made(clients, attributes):
                if not told:
                    self._waiting(resource.address)
                    told = True
                if self._terraform.processes.stopping or time.monotonic() > self._deadline:
                    return None
                time.sleep(_POLL_SECONDS)
            return identity_of(importable, attributes)
        except ClientError as error:
            # Such as: there is no such thing.
            self._on_line(f"{resource.address}: {error}")
            self._settled.add(resource.address)
        except LookupError as error:
            # It stands on what is not known either, or there are several.
            self._on_line(f"{resource.address}: not known: {error}")
        return None

    def _client(self, attributes: Attributes, service: str) -> Any:
        tags = attributes.get("tags_all") or {}
        region = tags.get("Region") or self._stack.region or GLOBAL_REGION
        return client(service, self._terraform.environment, region)

    def _import(self, address: str, identity: str) -> bool:
        self._on_line(f"{address}: importing {identity}")
        directory = self._stack.directory
        return self._terraform.import_resource(directory, self._on_line, address, identity) == 0

    def _may_be_left(self, resource: _Planned) -> bool:
        return resource.address not in self._settled and resource.resource_type not in REPEATABLE
