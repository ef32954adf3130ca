"""Terraform (or OpenTofu) through its machine interfaces: exit codes and JSON, never its prose."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import subprocess
import threading
from dataclasses import dataclass
from enum import IntEnum
from pathlib import Path
from tempfile import TemporaryFile
from typing import TYPE_CHECKING, Any, TextIO

from trading.engine.executable import find_executable
from trading.engine.plugins import place_lock_file, provider_lock, undirected
from trading.engine.processes import Outliving, Processes
from trading.errors import OperatorError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

# S3-native locks came with 1.10; everything else needs 1.5.
MINIMUM_VERSION = (1, 5)
MINIMUM_VERSION_FOR_S3_LOCKS = (1, 10)

_INITIALISED = ".terraform/initialised-for"

_QUIET = ("-input=false", "-no-color")

Message = dict[str, Any]


class PlanCode(IntEnum):
    """The exit codes of `terraform plan -detailed-exitcode`."""

    NO_CHANGES = 0
    FAILED = 1
    CHANGES = 2


@dataclass(frozen=True)
class Output:
    """A value that a stack publishes; a sensitive one is not for a screen."""

    value: Any
    sensitive: bool


class Terraform:
    """The binary, and the environment its processes get. One workspace at a time."""

    def __init__(
        self, environment: Mapping[str, str], workspace: str, processes: Processes | None = None
    ) -> None:
        self.binary = find_executable()
        self.environment = dict(environment)
        self.workspace = workspace
        self.processes = processes or Processes()
        self._initialising: dict[str, threading.Lock] = {}
        self._cache_lock: contextlib.AbstractContextManager[object] = (
            # Terraform does not guard its plugin cache against concurrent inits:
            # https://developer.hashicorp.com/terraform/cli/config/config-file#provider-plugin-cache
            threading.Lock() if "TF_PLUGIN_CACHE_DIR" in environment else contextlib.nullcontext()
        )

    def initialise(self, directory: Path, on_line: Callable[[str], None]) -> int:
        """Prepare a stack's folder, unless it is prepared for the same backend and providers.

        Waits for another thread that is at it.
        """
        with self._initialising.setdefault(str(directory), threading.Lock()):
            return self._initialise(directory, on_line)

    def _initialise(self, directory: Path, on_line: Callable[[str], None]) -> int:
        key = self._initialisation_key(directory)
        stamp = directory / _INITIALISED
        if stamp.is_file() and stamp.read_text() == key and _is_whole(directory):
            return 0
        stamp.unlink(missing_ok=True)
        place_lock_file(directory)
        with self._cache_lock:
            # Reconfigured, not migrated: which state is used follows from the settings alone.
            code = self._run(["init", *_QUIET, "-reconfigure"], directory, on_line, "default")
        if code == 0:
            stamp.write_text(key)
        return code

    def plan(
        self,
        directory: Path,
        on_line: Callable[[str], None],
        *,
        out: Path,
        arguments: Sequence[str] = (),
        outliving: Outliving | None = None,
    ) -> PlanCode:
        """Save a plan; each line is a JSON message of Terraform's UI. `arguments` may be
        `-destroy`, `-refresh-only`, `-replace=...`.
        """
        # It holds what the stack knows, secrets too.
        out.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        command = ["plan", "-json", "-detailed-exitcode", f"-out={out}", *_QUIET, *arguments]
        code = self._run(command, directory, on_line, self.workspace, outliving)
        return PlanCode(code) if code in set(PlanCode) else PlanCode.FAILED

    def apply(
        self,
        directory: Path,
        on_line: Callable[[str], None],
        *,
        plan: Path | None = None,
        arguments: Sequence[str] = (),
        outliving: Outliving | None = None,
    ) -> int:
        """Apply a saved plan, or else plan and apply at once; each line is a JSON message."""
        what = [str(plan)] if plan else ["-auto-approve"]
        command = ["apply", "-json", *_QUIET, *arguments, *what]
        return self._run(command, directory, on_line, self.workspace, outliving)

    def show(self, directory: Path, plan: Path | None = None) -> dict[str, Any]:
        """A saved plan, or else the state, in Terraform's documented JSON. Raises OperatorError.

        https://developer.hashicorp.com/terraform/internals/json-format
        """
        return self._json(directory, ["show", "-json", "-no-color", *([str(plan)] if plan else [])])

    def addresses(self, directory: Path) -> list[str]:
        """The resources in a stack's state; what is only read is left out. Raises OperatorError."""
        lines = self._lines(directory, ["state", "list", "-no-color"])
        return [line for line in lines if not line.startswith("data.") and ".data." not in line]

    def import_resource(
        self, directory: Path, on_line: Callable[[str], None], address: str, identity: str
    ) -> int:
        """Take a resource that exists into the state."""
        return self._run(["import", *_QUIET, address, identity], directory, on_line, self.workspace)

    def force_unlock(self, directory: Path, on_line: Callable[[str], None], lock: str) -> int:
        """Remove a lock on the state, by its id."""
        command = ["force-unlock", "-force", "-no-color", lock]
        return self._run(command, directory, on_line, self.workspace)

    def delete_workspace(self, directory: Path, on_line: Callable[[str], None]) -> int:
        """Remove the state of a stack that holds nothing any more."""
        return self._run(
            ["workspace", "delete", "-no-color", self.workspace], directory, on_line, "default"
        )

    def outputs(self, directory: Path) -> dict[str, Output]:
        """A stack's outputs; empty when it was not applied. Raises OperatorError."""
        values = self._json(directory, ["output", "-json", "-no-color"])
        return {
            name: Output(output["value"], bool(output.get("sensitive")))
            for name, output in values.items()
        }

    def _json(self, directory: Path, command: list[str]) -> dict[str, Any]:
        text = "\n".join(self._lines(directory, command))
        # Warnings may stand before the JSON and behind it.
        value, _ = json.JSONDecoder().raw_decode(text[text.index("{") :])
        return dict(value)

    def _lines(self, directory: Path, command: list[str]) -> list[str]:
        lines: list[str] = []
        if self.initialise(directory, lines.append) != 0:
            raise OperatorError(f"terraform init failed in {directory}: {' '.join(lines[-3:])}")
        lines.clear()
        # Apart from what is read: TF_LOG, and Go itself, write there.
        with TemporaryFile("w+") as errors:
            if self._run(command, directory, lines.append, self.workspace, errors=errors) != 0:
                errors.seek(0)
                said = " ".join([line.strip() for line in errors if line.strip()][:3])
                raise OperatorError(f"terraform {command[0]} failed in {directory}: {said}")
        return lines

    def _run(
        self,
        arguments: list[str],
        directory: Path,
        on_line: Callable[[str], None],
        workspace: str,
        outliving: Outliving | None = None,
        errors: TextIO | None = None,
    ) -> int:
        # By variable and not `workspace select`: apply creates what does not exist and asks nothing,
        # and it is one process less for each stack. `init` alone could ask; in `default` it does not.
        environment = {**self.environment, "TF_WORKSPACE": workspace}
        return self.processes.run(
            [self.binary, *arguments],
            directory=directory,
            environment=environment,
            on_line=on_line,
            outliving=outliving,
            errors=errors,
        )

    def _initialisation_key(self, directory: Path) -> str:
        settings = json.loads((directory / "cdk.tf.json").read_text())["terraform"]
        cli_configuration = self.environment.get("TF_CLI_CONFIG_FILE")
        cli = Path(cli_configuration).read_text() if cli_configuration else ""
        key = [settings, cli, self.binary, provider_lock()]
        return hashlib.sha256(json.dumps(key).encode()).hexdigest()


def _is_whole(directory: Path) -> bool:
    """Whether what `init` made is still there: the backend, and each provider, which may be a link to a
    mirror or a cache that has moved.
    """
    settings = json.loads((directory / "cdk.tf.json").read_text())["terraform"]
    made = directory / ".terraform"
    sources = [entry["source"] for entry in settings.get("required_providers", {}).values()]
    return (made / "terraform.tfstate").is_file() and all(
        any((made / "providers").glob(f"*/*/{source.split('/')[-1]}/*/*/terraform-provider-*"))
        for source in sources
    )


def require_version(minimum: tuple[int, int]) -> str:
    """The version of the binary. Raises OperatorError when it is missing or older than `minimum`."""
    binary = find_executable()
    result = subprocess.run(
        [binary, "version", "-json"],
        env=undirected(os.environ) | {"CHECKPOINT_DISABLE": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    try:
        version = str(json.loads(result.stdout)["terraform_version"])
        major, minor = (int(part) for part in version.split(".")[:2])
    except (ValueError, KeyError) as error:
        raise OperatorError(f"{binary} does not tell its version as Terraform does") from error
    if (major, minor) < minimum:
        needed = ".".join(map(str, minimum))
        raise OperatorError(f"Terraform {needed} or later is needed, and {binary} is {version}")
    return version


def read_message(line: str) -> Message | None:
    """A line of `-json` output as a message; None for anything else, such as a crash report."""
    with contextlib.suppress(ValueError):
        message = json.loads(line)
        if isinstance(message, dict) and "type" in message:
            return message
    return None
