"""A deployed API held against its OpenAPI document, by schemathesis."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from stacks.paths import PROJECT_ROOT

if TYPE_CHECKING:
    from trading.local.trade_client import TradeClient

CONFIGURATION = Path(__file__).with_name("schemathesis.toml")
# It makes some hundreds of requests; fewer would mean that it did not get to look.
FEWEST_CASES = 400


def check_against_document(client: TradeClient) -> None:
    """Let schemathesis find an answer that the document does not promise."""
    result = subprocess.run(
        [
            *(sys.executable, "-m", "schemathesis.cli", "--config-file", str(CONFIGURATION)),
            *("run", "docs/api/openapi.json", "--url", client.url),
            *("--max-examples", "25", "--seed", "1"),
        ],
        cwd=PROJECT_ROOT,
        env={**os.environ, "API_REGION": client.region},
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode == 0, result.stdout[-10_000:] + result.stderr[-2_000:]
    cases = re.search(r"([0-9]+) generated, \1 passed", result.stdout)
    assert cases, result.stdout[-2_000:]
    assert int(cases[1]) >= FEWEST_CASES, cases[0]
