"""Ask a gate about many violations at once, beside what they were made from."""

from __future__ import annotations

import json
import re
import subprocess
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from scan.evidence import Evidence, Stage
from scan.findings import Finding, Outcome
from scan.waivers import judge, read_waivers
from tests.scan.seeds import Document, Violation, What

Gate = Callable[[Sequence[Evidence]], Outcome]
Found = dict[str, set[Finding]]


def of_gate(violations: Iterable[Violation[What]], tool: str) -> list[Violation[What]]:
    """The violations that one tool must see."""
    return [each for each in violations if each.caught_by.partition(" ")[0] == tool]


def broken(violations: Iterable[Violation[What]], clean: Mapping[str, What]) -> dict[str, What]:
    """Each violation in a copy of its own, by its name, and beside them what they were made from."""
    every = list(violations)
    return {
        **{each.where: clean[each.where] for each in every},
        **{each.name: each.seeded(clean[each.where]) for each in every},
    }


def written(documents: Mapping[str, Document], folder: Path, stage: Stage) -> Evidence:
    """The documents as evidence of dev."""
    folder.mkdir()
    for name, document in documents.items():
        (folder / f"{name}.json").write_text(json.dumps(document, indent=2))
    return Evidence("dev", stage, folder)


def git_tree(folder: Path, files: Mapping[str, str]) -> Path:
    """A checkout that has these files."""
    folder.mkdir()
    subprocess.run(["git", "init", "--quiet", str(folder)], check=True)
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return folder


def by_origin(outcome: Outcome) -> Found:
    """The findings by the stack or the file that they are about, without its folder and its ending."""
    found: Found = defaultdict(set)
    for finding in outcome.findings:
        found[_origin(finding.subject)].add(finding)
    return found


def objections(violation: Violation[What], found: Found) -> set[str]:
    """The tools and checks that object to a violation alone, where it is, and that nobody has argued."""
    origin = _origin(violation.where)
    here = {
        replace(each, subject=each.subject.replace(violation.name, origin, 1))
        for each in found[violation.name]
    }
    failed = judge(here - found[origin], read_waivers()).failed
    return {f"{each.tool} {each.check}" for each in failed}


def _origin(subject: str) -> str:
    return re.split(r"[:.]", subject.rpartition("/")[2])[0]
