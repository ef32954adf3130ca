"""The files that GitHub Actions reads, parsed."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml  # type: ignore[import-untyped]  # its stubs are a package of their own, for this alone

from stacks.paths import PROJECT_ROOT

FOLDER = PROJECT_ROOT / ".github"


@dataclass(frozen=True)
class File:
    """A workflow or an action."""

    path: Path
    text: str
    content: dict[str, Any]

    @property
    def name(self) -> str:
        """What it is called by in `uses:`, without `$/.github/`."""
        return str(self.path.relative_to(FOLDER))

    @property
    def triggers(self) -> dict[str, Any]:
        """Upon what a workflow runs; YAML 1.1 reads `on` as true."""
        triggers: dict[str, Any] = self.content[True]  # type: ignore[index]  # see above
        return triggers

    @property
    def jobs(self) -> dict[str, dict[str, Any]]:
        """A workflow's jobs by their ids; an action has none."""
        jobs: dict[str, dict[str, Any]] = self.content.get("jobs", {})
        return jobs

    def steps(self) -> Iterator[dict[str, Any]]:
        """The steps of all jobs, or of the action."""
        for job in self.jobs.values():
            yield from job.get("steps", [])
        yield from self.content.get("runs", {}).get("steps", [])


def _read(pattern: str) -> dict[str, File]:
    found = sorted(FOLDER.glob(pattern))
    files = [File(path, text := path.read_text(), yaml.safe_load(text)) for path in found]
    assert files, f"there is no {pattern}"
    return {file.name: file for file in files}


WORKFLOWS = _read("workflows/*")
ACTIONS = _read("actions/*/*")
DEPENDABOT = _read("dependabot.yml")["dependabot.yml"]
