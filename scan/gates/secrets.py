"""detect-secrets, on the project's tree and on what is synthesized: https://github.com/Yelp/detect-secrets"""

from __future__ import annotations

import subprocess
from collections import Counter
from typing import TYPE_CHECKING

from scan.evidence import Stage
from scan.findings import Finding, Outcome
from scan.tools import read_json, run_scanner
from stacks.paths import PROJECT_ROOT
from trading.errors import OperatorError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from scan.evidence import Evidence

TOOL = "detect-secrets"
# Checksums are random, and public: of packages and providers, of the ZIP, of what Terraform watches.
_CHECKSUMS = "|".join(
    (
        r"--hash=sha256:[0-9a-f]{64}",
        r'"(h1|zh):[A-Za-z0-9+/=]{44,64}"',
        r'"source_code_hash": "[A-Za-z0-9+/]{43}="',
        r'"(definition|migrations)": "[0-9a-f]{64}"',
    )
)

_LEFT_OUT_BY = (
    "detect_secrets.filters.allowlist.is_line_allowlisted",
    "detect_secrets.filters.heuristic.is_lock_file",
    "detect_secrets.filters.heuristic.is_swagger_file",
)


def check_secrets(evidence: Sequence[Evidence], tree: Path = PROJECT_ROOT) -> Outcome:
    """What looks like a secret, named by the file and the beginning of its hash."""
    places = {"tree": (tree, _tracked(tree))}
    for one in evidence:
        if one.stage is Stage.SYNTHESIZED:
            places[one.name] = one.folder, sorted(path.name for path in one.folder.glob("*.json"))
    findings: list[Finding] = []
    evaluated: Counter[tuple[str, str]] = Counter()
    for scope, (folder, files) in places.items():
        evaluated[scope, "file"] = len(files)
        findings += _scan(scope, folder, files)
    return Outcome(TOOL, tuple(sorted(set(findings))), evaluated, unrecorded=frozenset({"tree"}))


def _scan(scope: str, folder: Path, files: list[str]) -> list[Finding]:
    # What is argued is a waiver, not a comment; and no file is left out.
    strict = [argument for name in _LEFT_OUT_BY for argument in ("--disable-filter", name)]
    arguments = ["scan", *strict, "--no-verify", f"--exclude-lines={_CHECKSUMS}", *files]
    results = read_json(TOOL, run_scanner(TOOL, arguments, folder=folder))["results"]
    return [
        Finding(
            TOOL,
            scope,
            found["type"],
            f"{name}#{found['hashed_secret'][:10]}",
            f"line {found['line_number']}",
            name,
        )
        for name, every in results.items()
        for found in every
    ]


def _tracked(tree: Path) -> list[str]:
    command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    result = subprocess.run(command, cwd=tree, capture_output=True, text=True, check=False)
    if result.returncode != 0:
        raise OperatorError(f"the files of {tree} cannot be listed: the scan needs a git checkout")
    # A file that is deleted and not yet committed is listed, too.
    return [name for name in result.stdout.split("\0") if name and (tree / name).is_file()]
