"""Compare the same thing seen several times: what differs, attribute by attribute. No Terraform here."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import reduce
from itertools import product, zip_longest
from operator import and_
from typing import Any

# Of a text in a table, and of a document such as a security group's rule.
_LONGEST_TEXT = 48
_LONGEST_DOCUMENT = 120

Rename = Callable[[str], str]
Views = Mapping[str, Any]
"""One value as each of several observers sees it, by the observer's name."""


@dataclass(frozen=True)
class Secret:
    """A value that Terraform calls sensitive: compared, and never shown."""

    value: Any

    def __str__(self) -> str:
        return "(sensitive)"


@dataclass(frozen=True)
class Difference:
    """What is not the same in all views; `path` is written as in Terraform: `rule[0].days`."""

    path: str
    views: Views


def simplified(value: Any, sensitive: Any = False) -> Any:
    """A value in the one form in which equal ones are equal.

    JSON in a string becomes the document, since spaces and the order of keys mean nothing. Null, "",
    [] and {} all become None: the AWS provider leaves null what was not set, and after the next
    refresh reports it empty. `sensitive` is Terraform's own mark, nested as the value is.
    """
    if sensitive is True:
        return None if value in (None, "") else Secret(value)
    if isinstance(value, str):
        value = _document(value)
    if isinstance(value, dict):
        marked = sensitive if isinstance(sensitive, dict) else {}
        members = {name: simplified(item, marked.get(name)) for name, item in value.items()}
        return {name: item for name, item in members.items() if item is not None} or None
    if isinstance(value, list):
        marks = sensitive if isinstance(sensitive, list) else []
        pairs = zip_longest(value, marks[: len(value)])
        return [simplified(item, mark) for item, mark in pairs] or None
    return None if value == "" else value


def differences(views: Views, rename: Mapping[str, Rename]) -> Iterator[Difference]:
    """Where simplified views differ, also after each is renamed in its own way.

    The elements of a list are compared in whatever order they come: a set, as most of the AWS
    provider's lists are, comes in the order of its elements, and these begin with generated ids.
    """
    return _Comparison(rename).compare("", views)


@dataclass(frozen=True)
class _Comparison:
    rename: Mapping[str, Rename]

    def compare(self, path: str, views: Views) -> Iterator[Difference]:
        if _same(views.values()) or _same(self._renamed(views).values()):
            return
        present = [value for value in views.values() if value is not None]
        if all(isinstance(value, dict) for value in present):
            for name in sorted({name for value in present for name in value}):
                members = {view: (value or {}).get(name) for view, value in views.items()}
                yield from self.compare(f"{path}.{name}" if path else name, members)
        elif all(isinstance(value, list) for value in present):
            yield from self._compare_elements(path, views)
        else:
            yield Difference(path, views)

    def _compare_elements(self, path: str, views: Views) -> Iterator[Difference]:
        """Name only the elements that are not in all; one by one where every view has as many."""
        left = {view: list(elements or []) for view, elements in views.items()}
        left = _without_common(left, lambda _, element: _key(element))
        left = _without_common(left, self._renamed_key)
        if len({len(elements) for elements in left.values()}) > 1:
            yield Difference(path, {view: elements or None for view, elements in left.items()})
            return
        first, *others = left
        partners = {
            other: self._partners(first, left[first], other, left[other]) for other in others
        }
        for place, element in enumerate(left[first]):
            alike = {first: element} | {other: partners[other][place] for other in others}
            yield from self.compare(f"{path}[{views[first].index(element)}]", alike)

    def _partners(
        self, view: str, elements: list[Any], other: str, candidates: list[Any]
    ) -> dict[int, Any]:
        """For the place of each element the candidate of another view that is most like it; the
        pairs that are most alike find each other first.
        """

        def distance(pair: tuple[int, int]) -> int:
            alike = {view: elements[pair[0]], other: candidates[pair[1]]}
            return sum(1 for _ in self.compare("", alike))

        partners: dict[int, Any] = {}
        taken: set[int] = set()
        places = range(len(elements))
        for mine, its in sorted(product(places, places), key=distance):
            if mine not in partners and its not in taken:
                partners[mine] = candidates[its]
                taken.add(its)
        return partners

    def _renamed_key(self, view: str, element: Any) -> str:
        return _key(self._rename(view, element))

    def _renamed(self, views: Views) -> dict[str, Any]:
        return {view: self._rename(view, value) for view, value in views.items()}

    def _rename(self, view: str, value: Any) -> Any:
        if isinstance(value, str):
            return self.rename[view](value) if view in self.rename else value
        if isinstance(value, dict):
            return {name: self._rename(view, item) for name, item in value.items()}
        if isinstance(value, list):
            return sorted((self._rename(view, item) for item in value), key=_key)
        return value


def top_attribute(path: str) -> str:
    """The attribute of the resource that a path leads into."""
    return path.partition(".")[0].partition("[")[0]


def shortened(value: Any) -> str:
    """A value as text for people; of a long one both ends, since an ARN's tell it from another."""
    if value is None:
        return "-"
    document = isinstance(value, dict | list)
    longest = _LONGEST_DOCUMENT if document else _LONGEST_TEXT
    text = json.dumps(value, default=str) if document else _plain(value)
    if len(text) <= longest:
        return text
    return f"{text[: longest // 2]}...{text[-longest // 2 :]}"


def for_json(value: Any) -> Any:
    """A value as JSON has it, with no secret in it."""
    return json.loads(json.dumps(value, default=str))


def _plain(value: Any) -> str:
    """As JSON writes it, a text without its quotes."""
    return str(value) if isinstance(value, str | Secret) else json.dumps(value)


def _document(text: str) -> Any:
    if not text.startswith(("{", "[")):
        return text
    try:
        return json.loads(text)
    except ValueError:
        return text


def _same(values: Any) -> bool:
    first, *others = values
    return all(other == first for other in others)


def _key(value: Any) -> str:
    """The same for equal values, and an order for all."""
    return json.dumps(value, sort_keys=True, default=repr)


def _without_common(
    lists: Mapping[str, list[Any]], key: Callable[[str, Any], str]
) -> dict[str, list[Any]]:
    """What is left of each list when an element is taken out of it for each one that is in all."""
    counted = [
        Counter(key(view, element) for element in elements) for view, elements in lists.items()
    ]
    common = reduce(and_, counted)
    left: dict[str, list[Any]] = {}
    for view, elements in lists.items():
        taken = common.copy()
        left[view] = []
        for element in elements:
            name = key(view, element)
            if taken[name] > 0:
                taken[name] -= 1
            else:
                left[view].append(element)
    return left
