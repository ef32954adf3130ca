"""The emulator's front door: connections and its own paths."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path

from trading.local_installation import REPOSITORY, ensure_environment
from trading.local_target import LocalTarget

GO_SDK_IDLE_SECONDS = 90

# Waiting for the timeout itself would take minutes; this asks the corrected server what it serves with.
SERVED_WITH = """
from hypercorn.config import Config
from local_aws.server import let_clients_close_idle_connections

let_clients_close_idle_connections()
config = Config()
config.keep_alive_timeout = 75
print(config.keep_alive_timeout)
"""


def test_clients_close_idle_connections(
    new_target: Callable[[], LocalTarget], tmp_path: Path
) -> None:
    new_target()  # Names the shared virtual environment.
    python = ensure_environment(tmp_path / "venv", lambda _: None)
    result = subprocess.run(
        [python, "-c", SERVED_WITH], cwd=REPOSITORY, capture_output=True, text=True, check=True
    )
    assert float(result.stdout) > GO_SDK_IDLE_SECONDS
