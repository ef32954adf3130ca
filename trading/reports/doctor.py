"""Whether this machine and this account are ready: each check by itself, and what to do about it."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from rich.markup import escape
from rich.table import Table

from stacks.settings import SettingsError
from trading.errors import OperatorError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

_STYLES = {"ok": "green", "warning": "yellow", "failure": "bold red"}


class Level(StrEnum):
    """How a check ended."""

    OK = "ok"
    WARNING = "warning"
    FAILURE = "failure"


@dataclass(frozen=True)
class Finding:
    """What a check found; `advice` is what to do when it is not well."""

    level: Level
    found: str
    advice: str = ""


def ok(found: str) -> Finding:
    """All is well."""
    return Finding(Level.OK, found)


def warning(found: str, advice: str) -> Finding:
    """It works, but the operator should know."""
    return Finding(Level.WARNING, found, advice)


def failure(found: str, advice: str) -> Finding:
    """It does not work."""
    return Finding(Level.FAILURE, found, advice)


def examine(checks: Mapping[str, Callable[[], Finding]]) -> dict[str, Finding]:
    """The finding of every check, side by side; one that breaks is a failure and hides no other."""
    with ThreadPoolExecutor(len(checks)) as pool:
        return dict(zip(checks, pool.map(_isolated, checks.values()), strict=True))


def is_well(findings: Mapping[str, Finding]) -> bool:
    """Whether no check failed."""
    return all(finding.level is not Level.FAILURE for finding in findings.values())


def as_json(findings: Mapping[str, Finding]) -> list[dict[str, str]]:
    """For machines."""
    return [{"check": name, **asdict(finding)} for name, finding in findings.items()]


def as_table(findings: Mapping[str, Finding]) -> Table:
    """A row for each check."""
    table = Table("Check", "")
    # Folded, not cut: a path or an ARN is of use only when it is whole.
    table.add_column("Found", overflow="fold")
    table.add_column("What to do", overflow="fold")
    for name, finding in findings.items():
        style = _STYLES[finding.level]
        found, advice = escape(finding.found), escape(finding.advice)
        table.add_row(name, f"[{style}]{finding.level}[/]", found, advice)
    return table


def _isolated(check: Callable[[], Finding]) -> Finding:
    try:
        return check()
    except Exception as error:  # noqa: BLE001 - whatever breaks a check is what it has found
        return _broken(error)


def _broken(error: Exception) -> Finding:
    """An operator's own errors, and AWS's, say what is wrong; of any other its kind says more."""
    kind = type(error)
    lines = str(error).strip().splitlines() or [""]
    speaks = isinstance(error, (OperatorError, SettingsError, OSError))
    if speaks or kind.__module__.startswith("botocore."):
        return failure(lines[0] or kind.__name__, _ADVICE.get(kind.__name__, ""))
    return failure(f"{kind.__name__}: {lines[0]}", "the check itself broke: report it")


# Of the SDK's errors, by name: botocore is slow to import.
_ADVICE = {
    "NoCredentialsError": "sign in (aws sso login), or set AWS_PROFILE or AWS_ACCESS_KEY_ID",
    "PartialCredentialsError": "set both AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY",
    "ProfileNotFound": "set AWS_PROFILE to one of `aws configure list-profiles`",
    "EndpointConnectionError": "check the network, the proxy and AWS_ENDPOINT_URL",
    "ConnectTimeoutError": "check the network, the proxy and AWS_ENDPOINT_URL",
    "SSOTokenLoadError": "sign in again: aws sso login",
    "UnauthorizedSSOTokenError": "sign in again: aws sso login",
    "TokenRetrievalError": "sign in again: aws sso login",
}


def names_of(findings: Mapping[str, Finding], level: Level) -> Sequence[str]:
    """The checks that ended so."""
    return [name for name, finding in findings.items() if finding.level is level]
