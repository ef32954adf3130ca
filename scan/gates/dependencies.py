"""pip-audit, on every lock file: https://github.com/pypa/pip-audit"""

from __future__ import annotations

import os
from collections import Counter
from typing import TYPE_CHECKING, Any

from scan.findings import Finding, Outcome
from scan.tools import read_json, run_scanner
from stacks.paths import PROJECT_ROOT
from trading.errors import OperatorError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

TOOL = "pip-audit"
LOCKS = PROJECT_ROOT / "requirements"


def check_dependencies(locks: Path = LOCKS) -> Outcome:
    """Which locked packages have a known vulnerability.

    Where no advisory service is reached, it says so; with SCAN_REQUIRE_ADVISORIES=1 that is an error
    (OperatorError). SCAN_ADVISORIES_URL names another service that speaks OSV's query API, such as a mirror.
    """
    findings: list[Finding] = []
    evaluated: Counter[tuple[str, str]] = Counter()
    not_run: dict[str, str] = {}
    for lock in sorted(locks.glob("*.txt")):
        scope = f"requirements/{lock.name}"
        packages = _audit(lock)
        judged = [package for package in packages if "skip_reason" not in package]
        if judged:
            evaluated[scope, "package"] = len(judged)
        if len(judged) < len(packages):
            not_run[scope] = (
                f"{len(packages) - len(judged)} packages: no advisory service is reached"
            )
        findings += _vulnerabilities(scope, judged)
    if not_run and os.environ.get("SCAN_REQUIRE_ADVISORIES") == "1":
        scope, why = next(iter(not_run.items()))
        raise OperatorError(f"{TOOL} did not judge {scope}: {why}")
    every = frozenset({scope for scope, _ in evaluated} | not_run.keys())
    return Outcome(TOOL, tuple(sorted(set(findings))), evaluated, not_run, every)


def _audit(lock: Path) -> list[dict[str, Any]]:
    arguments = ["--requirement", str(lock), "--disable-pip", "--require-hashes"]
    quiet = ["--format", "json", "--progress-spinner", "off", "--timeout", "15"]
    if url := os.environ.get("SCAN_ADVISORIES_URL"):
        quiet += ["--vulnerability-service", "osv", "--osv-url", url]
    output = run_scanner(TOOL, [*arguments, *quiet])
    return list(read_json(TOOL, output)["dependencies"])


def _vulnerabilities(scope: str, packages: list[dict[str, Any]]) -> Iterator[Finding]:
    for package in packages:
        for known in package["vulns"]:
            fixed = ", ".join(known["fix_versions"]) or "no version"
            subject = f"{package['name']}=={package['version']}"
            yield Finding(TOOL, scope, known["id"], subject, f"fixed in {fixed}", subject)
