"""A small platform of two regions, and a stand-in for Terraform that runs as a process."""

from __future__ import annotations

import json
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.trading.empty_archive import KNOWING_ARCHIVES, empty_archives
from trading.engine.graph import Graph, Stack

FAKE_TERRAFORM = Path(__file__).with_name("fake_terraform.py")
# Isolated and without site packages, because it starts some hundred times.
INTERPRETER = f"#!{sys.executable} -IS\n"
REGIONS = ("us-east-1", "us-west-2")


@dataclass
class Project:
    """A work folder with a synthesized workspace, and what Terraform was called with."""

    work: Path
    calls_file: Path

    @property
    def graph(self) -> Graph:
        return Graph.read(self.work / "dev" / "cdktf.out")

    @property
    def stacks(self) -> dict[str, Stack]:
        return self.graph.stacks

    def behave(self, stack: str, **behaviour: Any) -> None:
        """Tell the stand-in what to do in a stack's folder."""
        (self.stacks[stack].directory / "fake.json").write_text(json.dumps(behaviour))

    def calls(self, *arguments: str) -> list[dict[str, Any]]:
        """The recorded calls that begin with these arguments."""
        if not self.calls_file.exists():
            return []
        calls = [json.loads(line) for line in self.calls_file.read_text().splitlines()]
        return [call for call in calls if call["arguments"][: len(arguments)] == [*arguments]]

    def span(self, stack: str) -> tuple[float, float]:
        """When Terraform applied a stack: from, to."""
        moments = [call["time"] for call in self.calls("apply") if call["stack"] == stack]
        return min(moments), max(moments)

    def deploy_state(self, *stacks: str, workspace: str = "dev") -> None:
        """As if these had been deployed."""
        for stack in stacks:
            path = self.work / "state" / stack / workspace / "terraform.tfstate"
            path.parent.mkdir(parents=True)
            path.write_text(json.dumps({"stack": stack}))


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Project:
    work = tmp_path / "work"
    calls = tmp_path / "calls.jsonl"
    monkeypatch.setenv("TRADING_WORK_DIR", str(work))
    monkeypatch.setenv("TRADING_TERRAFORM", str(_executable(tmp_path / "terraform")))
    monkeypatch.setenv("FAKE_STATE", str(work / "state"))
    monkeypatch.setenv("FAKE_CALLS", str(calls))
    for name in ("TF_WORKSPACE", "TRADING_TARGET", "TRADING_STATE_BUCKET", "TF_PLUGIN_MIRROR"):
        monkeypatch.delenv(name, raising=False)
    write_synthesized(work / "dev" / "cdktf.out", _platform())
    for module in KNOWING_ARCHIVES:
        monkeypatch.setattr(module, "archives", empty_archives)
    return Project(work, calls)


def _executable(path: Path) -> Path:
    path.write_text(INTERPRETER + FAKE_TERRAFORM.read_text())
    path.chmod(0o755)
    return path


def _platform() -> dict[str, tuple[str, str, list[str]]]:
    """Name to layer, region and dependencies; in no helpful order."""
    stacks = {"global-dns": ("global-dns", "us-east-1", ["global-zone"])}
    for region in REGIONS:
        security, network, data = (f"{layer}-{region}" for layer in ("security", "network", "data"))
        stacks[f"api-{region}"] = ("api", region, [network, security, data, "global-zone"])
        stacks[data] = ("data", region, [network, security])
        stacks[network] = ("network", region, [security])
        stacks[security] = ("security", region, [])
        stacks["global-dns"][2].append(f"api-{region}")
    stacks["global-zone"] = ("global-dns", "us-east-1", [])
    return stacks


def write_synthesized(folder: Path, stacks: dict[str, tuple[str, str, list[str]]]) -> None:
    """What `cdktf synth` would leave for these stacks."""
    manifest = {}
    for name, (layer, region, dependencies) in stacks.items():
        directory = folder / "stacks" / name
        directory.mkdir(parents=True)
        configuration = {
            "locals": {"region": region},
            "provider": {"aws": [{"default_tags": [{"tags": {"Layer": layer}}]}]},
            "output": {"environment": {"value": "dev"}, "id": {"value": name}},
            "terraform": {"backend": {"local": {}}},
        }
        (directory / "cdk.tf.json").write_text(json.dumps(configuration))
        manifest[name] = {
            "name": name,
            "dependencies": dependencies,
            "workingDirectory": f"stacks/{name}",
            "synthesizedStackPath": f"stacks/{name}/cdk.tf.json",
        }
    (folder / "manifest.json").write_text(json.dumps({"stacks": manifest}))
