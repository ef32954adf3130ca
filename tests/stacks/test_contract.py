"""The contract between stacks: every output that is read is published, under its field's name."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path

from stacks.settings import REGIONS
from tests.synthesis import Stacks

READ = re.compile(r"data\.terraform_remote_state\.(\w+)(?:\[\*\])?\.outputs\.(\w+)")


def _producer(consumer: str, state: str) -> str:
    """The stack behind a remote state: of the same region, or named by the state itself."""
    name = state.removesuffix("_state")
    region = consumer.split("-", 1)[1]
    if "_state_" in state:
        return state.split("_state_")[1].replace("_", "-")
    return f"{name}-{region}"


def test_every_output_read_is_published(synthesized: Callable[[str], Stacks]) -> None:
    stacks = synthesized("dev")
    reads = [
        (consumer, _producer(consumer, state), output)
        for consumer, stack in stacks.items()
        for state, output in set(READ.findall(json.dumps(stack)))
    ]
    assert len(reads) > 50
    for consumer, producer, output in reads:
        assert output in stacks[producer]["output"], f"{consumer} reads {output} of {producer}"


def test_outputs_have_plain_names(synthesized: Callable[[str], Stacks]) -> None:
    for stack in synthesized("dev").values():
        assert not [name for name in stack["output"] if not re.fullmatch(r"[a-z_]+", name)]
        assert not [name for name, body in stack["output"].items() if body.get("sensitive")]


def test_the_deploy_order_follows_from_what_is_read(
    synthesized_directory: Callable[[str], Path],
) -> None:
    manifest = json.loads((synthesized_directory("dev") / "manifest.json").read_text())
    needs = {name: set(entry["dependencies"]) for name, entry in manifest["stacks"].items()}
    for region in (region.name for region in REGIONS):
        assert needs[f"security-{region}"] == set()
        assert needs[f"network-{region}"] == {f"security-{region}"}
        assert needs[f"data-{region}"] == {f"network-{region}", f"security-{region}"}
        assert needs[f"api-{region}"] == {
            f"network-{region}",
            f"security-{region}",
            f"data-{region}",
            "global-zone",
        }
    assert needs["global-zone"] == set()
    assert needs["global-dns"] == {"global-zone", *(f"api-{region.name}" for region in REGIONS)}
