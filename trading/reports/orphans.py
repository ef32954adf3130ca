"""What bears an environment's tags or names, and Terraform does not know: found, judged, removed.

After a destroy it is what a service made once more, or what AWS keeps for a while. Beside a deployed
environment it is what a killed Terraform had made and not yet recorded: that is to be imported.
"""

from __future__ import annotations

import os
import shlex
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from threading import Lock
from typing import TYPE_CHECKING, Any

from stacks.settings import GLOBAL_REGION, PROJECT, REGIONS
from trading.aws import session
from trading.engine.executable import find_executable
from trading.reports.orphan_kinds import Found, Kind, Place
from trading.reports.orphan_names import Known, Names, read_known
from trading.reports.orphan_search import KINDS, by_tag

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from trading.engine.engine import Engine

GLOBAL = "global"
_AT_ONCE = 8
_TAGGED = Kind("tagged thing", "", "", look=lambda _: iter(()), why="its tags say it is ours")


@dataclass(frozen=True)
class Orphan:
    """A thing that Terraform does not know; `advice` is what to do about it, `command` does it."""

    kind: Kind
    region: str
    found: Found
    advice: str
    removable: bool = False
    command: str = ""

    def as_json(self) -> dict[str, Any]:
        """For machines."""
        return {
            "kind": self.kind.title,
            "region": self.region,
            "name": self.found.name or self.found.identity,
            "identity": self.found.identity,
            "why": self.found.why or self.kind.why,
            "advice": self.advice,
            "command": self.command,
            "safe_to_remove": self.removable,
        }


@dataclass(frozen=True)
class Search:
    """The orphans, in the order in which they can be removed, and where could not be looked."""

    orphans: list[Orphan]
    not_examined: list[str]

    @property
    def removable(self) -> list[Orphan]:
        """What is safe to remove."""
        return [orphan for orphan in self.orphans if orphan.removable]


class Clients:
    """A client of each service in each region, made once: making one takes longer than a call."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        self._session = session(environment)
        self._endpoint = environment.get("AWS_ENDPOINT_URL")
        self._made: dict[tuple[str, str], Any] = {}
        self._lock = Lock()

    def of(self, service: str, region: str) -> Any:
        """The client; `global` is where global services answer."""
        place = GLOBAL_REGION if region == GLOBAL else region
        # Sessions are not safe to use from several threads, clients are.
        with self._lock:
            if (service, place) not in self._made:
                make: Any = self._session.client
                self._made[service, place] = make(
                    service, region_name=place, endpoint_url=self._endpoint
                )
            return self._made[service, place]


def search(engine: Engine, clients: Clients) -> Search:
    """Look for every kind in every region. Raises OperatorError when a state cannot be read."""
    engine.require_same_target()
    known = read_known(engine)
    account = clients.of("sts", GLOBAL).get_caller_identity()["Account"]
    names = Names(engine.workspace, account, engine.all_stacks())
    regions = [region.name for region in REGIONS]
    places = [
        (kind, region) for kind in KINDS for region in ([GLOBAL] if kind.is_global else regions)
    ]

    def look(place: tuple[Kind, str]) -> list[Found] | str:
        kind, region = place
        try:
            return list(kind.look(Place(clients.of(kind.service, region), region, names)))
        except Exception as error:  # noqa: BLE001 - what cannot be looked at is told, and hides no other
            return str(error).splitlines()[0]

    orphans: list[Orphan] = []
    refusals: dict[tuple[str, str], list[str]] = {}
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        for (kind, region), found in zip(places, pool.map(look, places), strict=True):
            if isinstance(found, str):
                refusals.setdefault((kind.title, found), []).append(region)
            else:
                orphans += _judge(kind, region, found, names, known)
    orphans += _of_other_services(clients, regions, names, known, refusals)
    settings = _target_settings(engine.environment)
    return Search(
        [
            replace(orphan, command=settings + orphan.command) if orphan.command else orphan
            for orphan in orphans
        ],
        [f"{what} in {', '.join(where)}: {reason}" for (what, reason), where in refusals.items()],
    )


def remove(orphans: Iterable[Orphan], clients: Clients) -> Iterator[tuple[Orphan, str]]:
    """Remove what is safe to remove; each with AWS's refusal, empty when it is gone."""
    for orphan in orphans:
        if not orphan.removable or orphan.kind.remove is None:
            continue
        refusal = ""
        try:
            orphan.kind.remove(
                clients.of(orphan.kind.service, orphan.region), orphan.found.identity
            )
        except Exception as error:  # noqa: BLE001 - one refusal stops no other removal
            refusal = str(error).splitlines()[0]
        yield orphan, refusal


def _target_settings(environment: Mapping[str, str]) -> str:
    """What a shell lacks to reach the target: nothing for AWS, whose credentials it has."""
    lacking = {
        name: value
        for name, value in sorted(environment.items())
        if name.startswith("AWS_") and os.environ.get(name) != value
    }
    return "".join(f"{name}={shlex.quote(value)} " for name, value in lacking.items())


def _judge(
    kind: Kind, region: str, found: Sequence[Found], names: Names, known: Known
) -> Iterator[Orphan]:
    place = None if region == GLOBAL else region
    for thing in found:
        if known.holds(kind.type, place, thing.identity, thing.arn):
            continue
        if thing.part_of and known.holds(thing.part_of[0], place, thing.part_of[1], ""):
            continue
        yield _orphan(kind, region, thing, names, known)


def _orphan(kind: Kind, region: str, found: Found, names: Names, known: Known) -> Orphan:
    declared = names.declared(kind.type, None if region == GLOBAL else region, found.name)
    if declared and declared.stack.name in known.stacks:
        if not known.holds_address(declared):
            command = (
                f"TF_WORKSPACE={names.suffix} {find_executable()}"
                f" -chdir={shlex.quote(str(declared.stack.directory))}"
                f" import {shlex.quote(declared.address)} {shlex.quote(found.identity)}"
            )
            # Terraform would make it a second time, or fail because the name is taken.
            advice = f"import it as {declared.address} of {declared.stack.name}"
            return Orphan(kind, region, found, advice, command=command)
        if not found.keep:
            advice = f"Terraform has another one at {declared.address}: remove this one"
            return Orphan(kind, region, found, advice, kind.remove is not None)
    if found.keep:
        return Orphan(kind, region, found, found.keep)
    if kind.remove is None:
        return Orphan(kind, region, found, "remove it by hand")
    return Orphan(kind, region, found, "remove it", removable=True)


def _of_other_services(
    clients: Clients,
    regions: Sequence[str],
    names: Names,
    known: Known,
    refusals: dict[tuple[str, str], list[str]],
) -> Iterator[Orphan]:
    """What only the tags tell: a net for services that no kind above is of."""
    covered = {kind.service for kind in KINDS}
    # Not every service's own name is the one in its ARNs.
    covered |= {"monitoring"}
    tags = {"Environment": names.suffix, "Project": PROJECT}
    for region in regions:
        try:
            arns = list(by_tag(clients.of("resourcegroupstaggingapi", region), tags))
        except Exception as error:  # noqa: BLE001 - as above
            refusals.setdefault(("tags", str(error).splitlines()[0]), []).append(region)
            continue
        for arn in arns:
            if arn.split(":")[2] not in covered and not known.holds("", None, arn, arn):
                yield Orphan(
                    _TAGGED, region, Found(arn, arn, arn), "look at it, and remove it by hand"
                )
