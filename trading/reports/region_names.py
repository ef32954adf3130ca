"""What each value that belongs to one region alone is called in all regions."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

from trading.reports.comparison import Secret
from trading.reports.provider import CONTENT

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from trading.reports.comparison import Rename
    from trading.reports.provider import Resource

# Shorter ones, such as a version number, are found in what has nothing to do with them.
_SHORTEST = 6

_MOMENT = re.compile(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d")

# What identifies a thing comes before what merely repeats it elsewhere.
_RANK = {"arn": 0, "id": 1}


@dataclass(frozen=True)
class LayerInRegion:
    """One layer as AWS holds it in one region. `configured` are the attributes that Terraform sets, by
    address; `inputs` are the outputs of other stacks, by the data source that reads them.
    """

    local_values: Mapping[str, Any]
    inputs: Mapping[str, Any]
    resources: Mapping[str, Resource]
    configured: Mapping[str, set[str]]


class RegionNames:
    """Learns the names from one layer, seen in each of its regions."""

    def __init__(self, layer: Mapping[str, LayerInRegion]) -> None:
        self.renames: dict[str, Rename] = dict.fromkeys(layer, str)
        self._known: dict[str, dict[str, str]] = {region: {} for region in layer}
        self._names: set[str] = set()
        self._learn("local", {region: held.local_values for region, held in layer.items()})
        self._learn("input", {region: held.inputs for region, held in layer.items()})
        self._learn("", {region: _generated(layer, region) for region in layer})

    def explain(self, views: Mapping[str, Any]) -> bool:
        """Whether AWS generated the differing values: texts, each of its own, that name nothing else;
        moments, of which two may be the same by chance; or secrets.
        """
        if all(isinstance(value, Secret) for value in views.values()):
            return True
        texts = {region: text for region, text in views.items() if isinstance(text, str)}
        if len(texts) < len(views):
            return False
        if all(_MOMENT.match(text) for text in texts.values()):
            return True
        renamed = {self.renames[region](text) for region, text in texts.items()}
        return len(renamed) == len(texts) and not renamed & self._names

    def _learn(self, prefix: str, sources: Mapping[str, Mapping[str, Any]]) -> None:
        """Name the texts that no two regions share, as they are and as they are named so far."""
        leaves = {region: dict(_leaves(prefix, source)) for region, source in sources.items()}
        common = set.intersection(*(set(found) for found in leaves.values()))
        for path in sorted(common, key=_rank):
            texts = {region: found[path] for region, found in leaves.items()}
            renamed = {self.renames[region](text) for region, text in texts.items()}
            if len(set(texts.values())) == len(renamed) == len(texts):
                self._names.add(f"<{path}>")
                for region, text in texts.items():
                    if len(text) >= _SHORTEST:
                        self._known[region].setdefault(text, f"<{path}>")
        self.renames = {region: _renaming(known) for region, known in self._known.items()}


def is_setting(layer: Mapping[str, LayerInRegion], address: str, attribute: str) -> bool:
    """Whether the configuration of any region sets an attribute, or it tells as much as if it did."""
    return attribute in CONTENT or any(
        attribute in held.configured.get(address, ()) for held in layer.values()
    )


def _generated(layer: Mapping[str, LayerInRegion], region: str) -> dict[str, Any]:
    """The attributes that AWS filled in and no configuration set."""
    return {
        address: {
            name: value
            for name, value in resource.values.items()
            # The elements of a set have no place by which to name them.
            if not is_setting(layer, address, name)
            and not (isinstance(value, list) and len(value) > 1)
        }
        for address, resource in layer[region].resources.items()
    }


def _leaves(path: str, value: Any) -> Iterator[tuple[str, str]]:
    """Every text in a value, with where it stands."""
    if isinstance(value, str):
        yield path, value
    elif isinstance(value, dict):
        for name, item in value.items():
            yield from _leaves(f"{path}.{name}" if path else name, item)
    elif isinstance(value, list):
        for number, item in enumerate(value):
            yield from _leaves(f"{path}[{number}]", item)


def _rank(path: str) -> tuple[int, str]:
    return _RANK.get(path.rpartition(".")[2], len(_RANK)), path


def _renaming(known: Mapping[str, str]) -> Rename:
    if not known:
        return str
    # The longest first: a zone's name begins with its region's, and is that and a letter.
    texts = "|".join(re.escape(text) for text in sorted(known, key=len, reverse=True))
    pattern = re.compile(rf"(?<![A-Za-z0-9])(?:{texts})(?=[a-z]?(?![A-Za-z0-9]))")
    return partial(pattern.sub, lambda found: known[found.group()])
