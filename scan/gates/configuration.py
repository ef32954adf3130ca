"""checkov, on the configuration: https://www.checkov.io/7.Scan%20Examples/Terraform%20Plan%20Scanning.html"""

from __future__ import annotations

import json
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from scan.evidence import Stage
from scan.findings import Finding, Outcome
from scan.tools import read_json, run_scanner
from trading.errors import OperatorError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from scan.evidence import Evidence

TOOL = "checkov"
_FILE = "stack.tf.json"
_FRAMEWORKS = {
    Stage.SYNTHESIZED: "terraform_json",
    Stage.PLANNED: "terraform_plan",
    Stage.DEPLOYED: "terraform_plan",
}


def check_configuration(evidence: Sequence[Evidence]) -> Outcome:
    """What checkov says of each piece of evidence. Raises OperatorError."""
    with ThreadPoolExecutor(2) as pool:
        reports = list(pool.map(_report, evidence))
    findings: set[Finding] = set()
    evaluated: Counter[tuple[str, str]] = Counter()
    for one, report in zip(evidence, reports, strict=True):
        results = report["results"]
        failed = {_judged(one, record) for record in results["failed_checks"]}
        passed = {_judged(one, record) for record in results["passed_checks"]}
        findings |= failed
        evaluated.update(
            (one.name, check) for check, _ in {(f.check, f.subject) for f in failed | passed}
        )
    return Outcome(TOOL, tuple(sorted(findings)), evaluated)


def _report(evidence: Evidence) -> dict[str, Any]:
    with TemporaryDirectory(prefix="scan-") as name:
        folder = Path(name)
        for stack, document in evidence.stacks.items():
            # A folder each, or checkov would connect resources of one address in two stacks.
            path = folder / stack / _FILE
            path.parent.mkdir()
            # checkov 3.3 fails to parse a `terraform` block with a required_version, and has no check of it.
            told = {key: value for key, value in document.items() if key != "terraform"}
            path.write_text(json.dumps(told, indent=1))
        arguments = ["--directory", name, "--framework", _FRAMEWORKS[evidence.stage]]
        quiet = ["--compact", "--skip-download", "--output", "json"]
        report = read_json(
            TOOL, run_scanner(TOOL, [*arguments, *quiet], folder=folder, environment={"HOME": name})
        )
    unread = report["results"]["parsing_errors"] if "results" in report else evidence.stacks
    if unread:
        raise OperatorError(f"checkov could not read {evidence.name}: {', '.join(unread)}")
    return dict(report)


def _judged(evidence: Evidence, record: dict[str, Any]) -> Finding:
    stack = Path(record["file_path"]).parent.name
    address = record["resource"]
    # In JSON, checks that are written in Python leave out the type.
    if address.startswith("resource."):
        address = _typed(evidence, stack, address.removeprefix("resource."), record["check_id"])
    subject = f"{stack}:{address}"
    check = record["check_id"]
    return Finding(TOOL, evidence.name, check, subject, record["check_name"], f"{check} {subject}")


def _typed(evidence: Evidence, stack: str, name: str, check: str) -> str:
    kinds = [kind for kind, named in evidence.stacks[stack]["resource"].items() if name in named]
    if len(kinds) != 1:
        raise OperatorError(f"{check} is about {name} of {stack}, which is {' or '.join(kinds)}")
    return f"{kinds[0]}.{name}"
