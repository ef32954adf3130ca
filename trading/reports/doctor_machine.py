"""What `doctor` checks of this machine: tools, provider, disk, the local AWS."""

from __future__ import annotations

import os
import platform
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from stacks.lazy_bindings import packaged_node
from stacks.paths import work_directory
from trading.engine.engine import require_terraform
from trading.engine.executable import find_executable, is_opentofu, provider_address
from trading.engine.plugins import terraform_environment, this_platform
from trading.local.installation import missing_database_programs
from trading.reports.doctor import Finding, failure, ok, warning
from trading.targets import local_aws

_OLDEST_PYTHON = (3, 11)
# jsii runs on the releases of node that are maintained.
_OLDEST_NODE = 18
_GIGABYTE = 1_000_000_000
# A provider is 700 MB and a plan or a log little; below this a run may end half done.
_DISK_FAILURE, _DISK_WARNING = 1 * _GIGABYTE, 5 * _GIGABYTE


def python() -> Finding:
    """The interpreter."""
    found = f"{platform.python_version()} ({sys.executable})"
    if sys.version_info < _OLDEST_PYTHON:
        return failure(found, "install Python 3.11 or later, and `make install PYTHON=...`")
    return ok(found)


def terraform() -> Finding:
    """Terraform or OpenTofu, new enough for the settings."""
    name = "OpenTofu" if is_opentofu() else "Terraform"
    return ok(f"{name} {require_terraform()} ({find_executable()})")


def node() -> Finding:
    """What jsii runs on, when stacks are synthesized."""
    asked = os.environ.get("JSII_NODE")
    binary = asked or packaged_node() or shutil.which("node")
    advice = "run `make install`: the requirements bring a node of their own"
    if asked:
        advice = f"unset JSII_NODE, which names {asked}"
    if binary is None:
        return failure("no node, which cdktf needs to synthesize", advice)
    result = subprocess.run(
        [binary, "--version"], capture_output=True, text=True, check=False, timeout=30
    )
    version = result.stdout.strip().removeprefix("v")
    if not version.partition(".")[0].isdecimal():
        return failure(f"{binary} does not tell its version", advice)
    if int(version.partition(".")[0]) < _OLDEST_NODE:
        return failure(f"node {version} is older than {_OLDEST_NODE} ({binary})", advice)
    return ok(f"{version} ({binary})")


def git() -> Finding:
    """Git, by which a deployment tells its commit."""
    binary = shutil.which("git")
    if binary is None:
        return warning("not found", "install git: deployments cannot tell their commit")
    return ok(binary)


def provider() -> Finding:
    """Where Terraform gets the AWS provider from."""
    asked = os.environ.get("TF_CLI_CONFIG_FILE")
    environment = terraform_environment()
    used = environment.get("TF_CLI_CONFIG_FILE")
    if asked and not Path(asked).is_file():
        return warning(
            f"TF_CLI_CONFIG_FILE names {asked}, which does not exist; {_source(used, environment)}",
            "unset TF_CLI_CONFIG_FILE, or make the file",
        )
    return ok(_source(used, environment))


def _source(configuration: str | None, environment: dict[str, str]) -> str:
    if configuration and Path(configuration).parent == work_directory():
        return f"from this machine's mirror of {provider_address()} for {this_platform()}"
    if configuration:
        return f"as {configuration} says"
    if cache := environment.get("TF_PLUGIN_CACHE_DIR"):
        return f"downloaded once, into {cache}"
    return "as the CLI configuration in the home folder says"


def work_folder() -> Finding:
    """Whether the folder of all generated files can be written."""
    folder = work_directory()
    advice = "name a folder of your own in TRADING_WORK_DIR"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            return ok(str(folder))
    except OSError as error:
        return failure(f"{folder} cannot be written: {error.strerror}", advice)


def disk_space() -> Finding:
    """Room for the provider, plans and logs."""
    folder = work_directory()
    while not folder.exists():
        folder = folder.parent
    free = shutil.disk_usage(folder).free
    found = f"{free / _GIGABYTE:.1f} GB free at {folder}"
    advice = "make room, or name another folder in TRADING_WORK_DIR"
    if free < _DISK_FAILURE:
        return failure(found, advice)
    return warning(found, advice) if free < _DISK_WARNING else ok(found)


def local_target() -> Finding:
    """The local AWS and its databases."""
    status = local_aws().status()
    if not status.running:
        return failure("the local AWS does not run", "start it with `trading local up`")
    if missing := missing_database_programs():
        return failure(
            f"{', '.join(missing)} not found: Aurora has no database to run on",
            "install MariaDB 10.6 or later",
        )
    return ok(f"runs on port {status.port} (process {status.process_id})")
