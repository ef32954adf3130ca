"""A kind of thing that can be left over: who lists it, what must be kept, how the rest is removed."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from trading.reports.orphan_names import Names


@dataclass(frozen=True)
class Found:
    """A thing of ours, as AWS lists it.

    `keep` is why it may not be removed here, empty if it may; `part_of` is the type and the identity of
    what it belongs to as long as that is there.
    """

    identity: str
    name: str = ""
    arn: str = ""
    keep: str = ""
    why: str = ""
    part_of: tuple[str, str] | None = None


@dataclass(frozen=True)
class Place:
    """Where is looked: a client of the kind's service in one region, and what we call our things."""

    client: Any
    region: str
    names: Names


Look = Callable[[Place], Iterator[Found]]
Remove = Callable[[Any, str], None]


@dataclass(frozen=True)
class Kind:
    """One kind of thing. `type` is Terraform's name for it, by which it could be imported."""

    title: str
    type: str
    service: str
    look: Look
    remove: Remove | None = None
    is_global: bool = False
    why: str = "left by a Terraform that was killed, or made beside it"


def tags_of(item: Mapping[str, Any], key: str = "Tags") -> dict[str, str]:
    """The tags of an answer, in either of the shapes that AWS uses."""
    tags = item.get(key) or {}
    return dict(tags) if isinstance(tags, Mapping) else {tag["Key"]: tag["Value"] for tag in tags}


def answers(client: Any, operation: str, member: str, **arguments: Any) -> Iterator[Any]:
    """Every item of every page."""
    if client.can_paginate(operation):
        for page in client.get_paginator(operation).paginate(**arguments):
            yield from page.get(member) or []
    else:
        yield from getattr(client, operation)(**arguments).get(member) or []


def listed(
    resource_type: str,
    operation: str,
    member: str,
    identity: str,
    name: str = "",
    *,
    tags: str = "Tags",
    keep: Callable[[Mapping[str, Any]], str | None] = lambda _: "",
    **arguments: Any,
) -> Look:
    """How a kind is found that one call lists with all that is to know of its things.

    `keep` gives why a thing may not be removed, and None for what is gone but still listed.
    """

    def look(place: Place) -> Iterator[Found]:
        for item in answers(place.client, operation, member, **arguments):
            given = tags_of(item, tags)
            called = str(item.get(name) or given.get("Name", ""))
            if place.names.is_ours(resource_type, given, called):
                kept = keep(item)
                if kept is not None:
                    yield Found(str(item[identity]), called, keep=kept)

    return look


def calling(operation: str, parameter: str, **more: Any) -> Remove:
    """Remove a thing by one call that takes its identity, in a list where the parameter is many."""

    def remove(client: Any, identity: str) -> None:
        value = [identity] if parameter.endswith(("Names", "Ids")) else identity
        getattr(client, operation)(**{parameter: value}, **more)

    return remove
