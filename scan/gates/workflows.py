"""zizmor, on the workflows of GitHub Actions: https://docs.zizmor.sh"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

from scan.findings import Finding, Outcome
from scan.tools import read_json, run_scanner
from stacks.paths import PROJECT_ROOT

if TYPE_CHECKING:
    from pathlib import Path

TOOL = "zizmor"


def check_workflows(tree: Path = PROJECT_ROOT) -> Outcome:
    """What zizmor says of the workflows and of Dependabot's configuration, at its strictest but one."""
    files = [path for path in (tree / ".github").rglob("*") if path.suffix in {".yml", ".yaml"}]
    arguments = ["--offline", "--persona", "pedantic", "--format", "json", ".github"]
    # What is argued is a waiver, not a comment; and what it cannot read, it has not judged.
    strict = ["--no-config", "--no-ignores", "--strict-collection"]
    # 11 to 14 are findings by severity: https://docs.zizmor.sh/usage/#exit-codes
    output = run_scanner(TOOL, [*strict, *arguments], codes=(0, 11, 12, 13, 14), folder=tree)
    findings = {_finding(told) for told in read_json(TOOL, output)}
    return Outcome(TOOL, tuple(sorted(findings)), Counter({("workflows", "file"): len(files)}))


def _finding(told: dict[str, Any]) -> Finding:
    path = str(told["locations"][0]["symbolic"]["key"]["Local"]["verbatim_path"])
    return Finding(TOOL, "workflows", told["ident"], path, told["desc"], path)
