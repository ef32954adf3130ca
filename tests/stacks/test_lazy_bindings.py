"""The lazy bindings write what the stock bindings write, and load only what is used."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from stacks.lazy_bindings import SWITCH
from stacks.paths import PROJECT_ROOT
from tests.synthesis import run_app

COUNT_BINDINGS = """
import sys
from stacks import lazy_bindings
lazy_bindings.install()
import stacks.platform
print(sum(name.startswith("cdktf_cdktf_provider_aws.") for name in sys.modules))
"""
ALL_BINDINGS = 2126


def test_the_bytes_are_those_of_the_stock_import(
    synthesized_directory: Callable[[str], Path],
    tmp_path_factory: pytest.TempPathFactory,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    lazy = synthesized_directory("prod")
    # A sibling of the same length: the path from here to the state folder is part of the JSON.
    eager = tmp_path_factory.mktemp("cdktf-prod")
    monkeypatch.setenv(SWITCH, "1")
    result = run_app(eager, "prod")
    assert result.returncode == 0, result.stderr
    files = sorted(path.relative_to(lazy) for path in lazy.rglob("cdk.tf.json"))
    assert len(files) == 14
    for file in files:
        assert (eager / file).read_bytes() == (lazy / file).read_bytes(), file


def test_only_what_the_stacks_use_is_loaded() -> None:
    result = subprocess.run(
        [sys.executable, "-c", COUNT_BINDINGS],
        cwd=PROJECT_ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    assert 50 < int(result.stdout) < ALL_BINDINGS / 5
