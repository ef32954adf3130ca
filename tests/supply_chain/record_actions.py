"""Records the rights that a whole life of prod takes, on the local AWS, into recorded_actions.json.

    python -m tests.supply_chain.record_actions

It takes half an hour. It is needed when an environment gets things of a new kind, which
test_deploy_roles.py tells.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from stacks.paths import PROJECT_ROOT
from stacks.settings import FOUNDATION_WORKSPACE
from tests.supply_chain.recorder import Rights, recording
from trading.local.local_target import LocalTarget

RECORDED = Path(__file__).with_name("recorded_actions.json")
WORKSPACE = "prod"
LOCAL_ACCOUNT = "000000000000"
# By which role, and what of `trading`. Terraform makes a stack's workspace as it first plans in it, and a
# pull request may not write to the state: the first plan is the deploy's.
STEPS = (
    ("deploy", "plan"),
    ("deploy", "deploy --yes --confirm prod"),
    ("plan", "plan"),
    ("deploy", "destroy --yes --confirm prod"),
    ("deploy", "deploy --yes --confirm prod"),
    ("deploy", "destroy --yes --confirm prod"),
)


def main() -> None:
    """Deploy, plan, destroy and bring back, through the proxy."""
    shared = PROJECT_ROOT / ".trading" / "local" / "venv"
    os.environ.setdefault("TRADING_LOCAL_VENV", str(shared))
    recorded: dict[str, Rights] = {"plan": set(), "deploy": set()}
    with tempfile.TemporaryDirectory() as folder:
        local = LocalTarget(Path(folder) / "local")
        local.up(print)
        try:
            environment = {
                **local.environment(),
                "TRADING_WORK_DIR": folder,
                "TRADING_STATE_BUCKET": "state",
                # As on AWS: only where AWS is differs.
                "TRADING_TARGET": "aws",
            }
            _trading(environment, FOUNDATION_WORKSPACE, "foundation deploy --yes")
            for role, arguments in STEPS:
                with recording(local.endpoint_url) as (endpoint, rights):
                    _trading({**environment, "AWS_ENDPOINT_URL": endpoint}, WORKSPACE, arguments)
                recorded[role] |= rights
            kinds = _resource_types(Path(folder) / WORKSPACE / "cdktf.out")
        finally:
            local.forget()
    write(recorded, kinds)


def write(recorded: dict[str, Rights], kinds: set[str]) -> None:
    """Write what was recorded, without what differs each time."""
    document: dict[str, Any] = {"resource_types": sorted(kinds)}
    for role, rights in recorded.items():
        by_action: dict[str, set[str]] = {}
        for action, arn in rights:
            by_action.setdefault(action, set()).add(generalized(arn))
        document[role] = {action: sorted(arns) for action, arns in sorted(by_action.items())}
    RECORDED.write_text(json.dumps(document, indent=1) + "\n")


def generalized(arn: str) -> str:
    """An ARN with ids, account, region and moments left open."""
    arn = re.sub(r"\b[a-z]{2}-[a-z]+-\d\b", "{region}", arn.replace(LOCAL_ACCOUNT, "{account}"))
    arn = re.sub(r"\b\d{8}T\d{6}Z\b", "{moment}", arn)
    if arn.startswith("arn:aws:apigateway:"):
        # What lies below an API is one right: AWS knows no names there.
        arn = re.sub(r"/(restapis|domainnames|tags)/.*", r"/\1/{id}", arn)
        arn = re.sub(r"/(restapis|domainnames)/\{id\}.*", r"/\1/{id}", arn)
    if arn.startswith("arn:aws:s3:::artifacts-"):
        arn = re.sub(r"/.*", "/{key}", arn)
    return re.sub(r"/(api|data|network|security)-\{region\}", "/{layer}-{region}", arn)


def _trading(environment: dict[str, str], workspace: str, arguments: str) -> None:
    print(f"trading {arguments}", flush=True)  # noqa: T201 - it is a program
    command = [sys.executable, "-m", "trading.cli", *arguments.split()]
    done = subprocess.run(
        command, cwd=PROJECT_ROOT, env={**environment, "TF_WORKSPACE": workspace}, check=False
    )
    if done.returncode not in {0, 2}:  # 2: there are differences.
        sys.exit(f"`trading {arguments}` failed")


def _resource_types(output: Path) -> set[str]:
    documents = [json.loads(path.read_text()) for path in output.glob("stacks/*/cdk.tf.json")]
    return {kind for document in documents for kind in document.get("resource", {})}


if __name__ == "__main__":
    main()
