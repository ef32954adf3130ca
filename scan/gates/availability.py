"""cfn-lint's data of what AWS offers in each region: engines, versions, instance classes, runtimes.

cfn-lint reads CloudFormation, so what the stacks ask for is written down in that form:
https://github.com/aws-cloudformation/cfn-lint/blob/main/docs/rules.md
"""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from scan.evidence import Stage
from scan.findings import Finding, Outcome
from scan.tools import read_json, run_scanner

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from scan.evidence import Evidence, Resource

TOOL = "cfn-lint"
# Which CloudFormation type says the same, and which of its properties are judged by data of AWS.
_FORMS: dict[str, tuple[str, dict[str, str]]] = {
    "aws_rds_cluster": (
        "AWS::RDS::DBCluster",
        {"engine": "Engine", "engine_version": "EngineVersion"},
    ),
    "aws_rds_cluster_instance": (
        "AWS::RDS::DBInstance",
        {"engine": "Engine", "instance_class": "DBInstanceClass"},
    ),
    "aws_lambda_function": (
        "AWS::Lambda::Function",
        {"runtime": "Runtime", "handler": "Handler"},
    ),
}
# What CloudFormation requires and the stacks say in another way.
_REQUIRED: dict[str, dict[str, Any]] = {
    "AWS::Lambda::Function": {
        "Role": "arn:aws:iam::000000000000:role/any",
        "Code": {"S3Bucket": "any", "S3Key": "any"},
    },
}
# For findings about properties that only CloudFormation asks for.
_KEPT = {"DeletionPolicy": "Delete", "UpdateReplacePolicy": "Delete"}


def check_availability(evidence: Sequence[Evidence]) -> Outcome:
    """What of the synthesized stacks AWS does not offer in their region, or no longer."""
    asked: dict[str, dict[str, tuple[Evidence, Resource]]] = defaultdict(dict)
    for one in evidence:
        if one.stage is Stage.SYNTHESIZED:
            for resource in one.resources(*_FORMS):
                region = one.stacks[resource.stack]["locals"]["region"]
                asked[region][f"R{len(asked[region])}"] = one, resource
    findings = [found for region, named in asked.items() for found in _lint(region, named)]
    evaluated = Counter(
        (one.name, _FORMS[resource.type][0])
        for named in asked.values()
        for one, resource in named.values()
    )
    return Outcome(TOOL, tuple(sorted(set(findings))), evaluated)


def _lint(region: str, named: dict[str, tuple[Evidence, Resource]]) -> Iterator[Finding]:
    with TemporaryDirectory(prefix="scan-") as folder:
        template = Path(folder) / "template.json"
        forms = {name: _form(resource) for name, (_, resource) in named.items()}
        template.write_text(json.dumps({"Resources": forms}))
        arguments = ["--format", "json", "--regions", region, "--template", str(template)]
        output = run_scanner(TOOL, arguments, codes=range(15))
    for told in read_json(TOOL, output):
        path = told["Location"]["Path"]
        one, resource = named[path[1]] if len(path) > 1 else next(iter(named.values()))
        rule, message = told["Rule"]["Id"], told["Message"].partition(" is not one of ")[0]
        about = told["Rule"]["ShortDescription"]
        yield Finding(
            TOOL, one.name, rule, resource.address, f"{message}: {about}", resource.address
        )


def _form(resource: Resource) -> dict[str, Any]:
    kind, properties = _FORMS[resource.type]
    asked = {theirs: resource.values[ours] for ours, theirs in properties.items()}
    return {"Type": kind, **_KEPT, "Properties": {**asked, **_REQUIRED.get(kind, {})}}
