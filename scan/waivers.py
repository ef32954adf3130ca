"""What is found and argued: `policies/waivers.toml`, which must be neither too narrow nor too wide."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING

from stacks.paths import PROJECT_ROOT
from trading.errors import OperatorError

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Sequence
    from pathlib import Path

    from scan.findings import Finding

WAIVERS = PROJECT_ROOT / "policies" / "waivers.toml"


@dataclass(frozen=True)
class Waiver:
    """Why findings of one check about some subjects are accepted.

    `subjects` are patterns as of a shell, each of which must match. `because` is the mandate's sentence
    or the reason, and `instead` is what compensates. `elsewhere` names the test that alone finds it, in
    stacks that `make scan` does not plan, and sees to it that it is not idle.
    """

    tool: str
    check: str
    subjects: tuple[str, ...]
    because: str
    instead: str
    elsewhere: str = ""

    def covers(self, finding: Finding) -> bool:
        """Whether the finding is one of these."""
        if (finding.tool, finding.check) != (self.tool, self.check):
            return False
        return any(fnmatchcase(finding.subject, _literal(subject)) for subject in self.subjects)


@dataclass(frozen=True)
class Judgement:
    """The findings that nobody argued, those that a waiver covers, and what of the waivers met nothing."""

    failed: tuple[Finding, ...]
    waived: tuple[Finding, ...]
    idle: tuple[str, ...]


def read_waivers(path: Path = WAIVERS) -> list[Waiver]:
    """The waivers. Raises OperatorError for a file that cannot be read as such."""
    try:
        entries = tomllib.loads(path.read_text())["waiver"]
        waivers = [Waiver(**{**entry, "subjects": tuple(entry["subjects"])}) for entry in entries]
        argued = [all((one.because.strip(), one.instead.strip(), one.subjects)) for one in waivers]
    except (OSError, ValueError, TypeError, KeyError, AttributeError) as error:
        raise OperatorError(f"{path} cannot be read as waivers: {error}") from error
    if not all(argued):
        waiver = waivers[argued.index(False)]
        raise OperatorError(f"{path}: {waiver.tool} {waiver.check} lacks a reason or a subject")
    return waivers


def judge(
    findings: Iterable[Finding], waivers: Sequence[Waiver], unjudged: Collection[str] = ()
) -> Judgement:
    """Part what was found into what is argued and what is not.

    Waivers of `unjudged` tools, which could not judge all, are not idle: nobody knows.
    """
    every = sorted(findings)
    waived = [finding for finding in every if any(waiver.covers(finding) for waiver in waivers)]
    idle = [
        f"{waiver.tool} {waiver.check} {subject}"
        for waiver in waivers
        for subject in waiver.subjects
        if waiver.tool not in unjudged
        and not waiver.elsewhere
        and not any(replace(waiver, subjects=(subject,)).covers(one) for one in waived)
    ]
    failed = [finding for finding in every if finding not in set(waived)]
    return Judgement(tuple(failed), tuple(waived), tuple(idle))


def _literal(pattern: str) -> str:
    """Brackets name a statement or an action of a policy, not a set of letters."""
    return pattern.replace("[", "[[]")
