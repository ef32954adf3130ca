"""Where Terraform gets its provider plugins from, also where no registry can be reached."""

from __future__ import annotations

import os
import platform
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from stacks.paths import PROJECT_ROOT, work_directory
from trading.engine.executable import is_opentofu, provider_address
from trading.errors import OperatorError
from trading.files import write_whole

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

# Where images and packages commonly put a folder of plugins.
SHARED_PARENTS = (
    "/opt",
    "/usr/local/share",
    "/usr/share",
    "/usr/local/lib",
    "/usr/lib",
    "/var/lib",
)
# Terraform and its provider decode thousands of resource schemas at every start, and then live for
# seconds: Go's garbage collector took a sixth of all processor time (docs/performance.md). It runs a
# quarter as often, until a process holds so much memory: https://go.dev/doc/gc-guide
GARBAGE_COLLECTION = {"GOGC": "400", "GOMEMLIMIT": "1GiB"}
# Its hashes are of the packages as Terraform's registry gives them.
PROVIDER_LOCK = PROJECT_ROOT / "requirements" / "terraform.lock.hcl"


def terraform_environment(base: dict[str, str] | None = None) -> dict[str, str]:
    """The environment every Terraform process gets, from `base` or else this process's own.

    A CLI configuration of the user is honoured; otherwise the machine's provider mirror is named in
    one of our own, and where there is none Terraform downloads once into a cache.
    Raises OperatorError when TF_PLUGIN_MIRROR is a folder without the provider.
    """
    environment = undirected(os.environ if base is None else base)
    environment["TF_IN_AUTOMATION"] = "1"
    # The version check calls home once for each process.
    environment["CHECKPOINT_DISABLE"] = "1"
    if not GARBAGE_COLLECTION.keys() & environment.keys():
        environment |= GARBAGE_COLLECTION
    configured = environment.get("TF_CLI_CONFIG_FILE")
    if configured and Path(configured).is_file():
        return environment
    mirror = _asked_mirror(environment)
    if mirror is None and any((Path.home() / name).is_file() for name in _home_configurations()):
        environment.pop("TF_CLI_CONFIG_FILE", None)
        return environment
    mirror = mirror or find_mirror(_usual_places(environment))
    if mirror:
        environment["TF_CLI_CONFIG_FILE"] = str(_write_configuration(mirror))
        return environment
    environment.pop("TF_CLI_CONFIG_FILE", None)
    return environment | _download_cache(environment)


def undirected(environment: Mapping[str, str]) -> dict[str, str]:
    """Without the variables that direct what Terraform does: meant for one call in one folder, such as
    `-target` or `-lock=false` in TF_CLI_ARGS_apply, they would go to every stack.

    https://developer.hashicorp.com/terraform/cli/config/environment-variables
    """
    directing = ("TF_CLI_ARGS", "TF_VAR_", "TF_DATA_DIR", "TF_WORKSPACE")
    return {name: value for name, value in environment.items() if not name.startswith(directing)}


def provider_lock() -> str:
    """The lock file of the provider that every stack gets; OpenTofu gets none.

    OpenTofu's registry is another, so an entry of Terraform's would not be one of its provider.
    """
    return "" if is_opentofu() else PROVIDER_LOCK.read_text()


def place_lock_file(directory: Path) -> None:
    """Give a stack's folder the lock file, so that init refuses any other package of the provider.

    https://developer.hashicorp.com/terraform/language/files/dependency-lock
    """
    if lock := provider_lock():
        (directory / ".terraform.lock.hcl").write_text(lock)


def find_mirror(places: Iterator[Path]) -> Path | None:
    """The first folder that holds the provider for this machine, in a mirror's layout."""
    return next((place for place in places if _holds_provider(place)), None)


def _asked_mirror(environment: dict[str, str]) -> Path | None:
    asked = environment.get("TF_PLUGIN_MIRROR")
    if not asked:
        return None
    if not _holds_provider(Path(asked)):
        raise OperatorError(
            f"TF_PLUGIN_MIRROR is {asked}, which holds no {provider_address()} for {this_platform()}"
        )
    return Path(asked).resolve()


def _usual_places(environment: dict[str, str]) -> Iterator[Path]:
    """Terraform's implied mirrors, then those that a machine shares.

    https://developer.hashicorp.com/terraform/cli/config/config-file#implied-local-mirror-directories
    """
    home = Path.home()
    data_home = environment.get("XDG_DATA_HOME") or str(home / ".local" / "share")
    data_directories = environment.get("XDG_DATA_DIRS") or "/usr/local/share:/usr/share"
    yield home / ".terraform.d" / "plugins"
    for directory in [data_home, *data_directories.split(":")]:
        yield Path(directory) / "terraform" / "plugins"
    yield home / "Library" / "Application Support" / "io.terraform" / "plugins"
    yield Path("/Library/Application Support/io.terraform/plugins")
    if cache := environment.get("TF_PLUGIN_CACHE_DIR"):
        yield Path(cache)
    for parent in SHARED_PARENTS:
        for provider in sorted(Path(parent).glob(f"*/{provider_address()}")):
            yield provider.parents[2]


def _home_configurations() -> tuple[str, ...]:
    """https://opentofu.org/docs/cli/config/config-file/"""
    return (".tofurc", ".terraformrc") if is_opentofu() else (".terraformrc",)


def _holds_provider(mirror: Path) -> bool:
    provider = mirror / provider_address()
    unpacked = provider.glob(f"*/{this_platform()}/terraform-provider-aws*")
    packed = provider.glob(f"terraform-provider-aws_*_{this_platform()}.zip")
    return any(True for found in (unpacked, packed) for _ in found)


def this_platform() -> str:
    """This machine as Terraform's registry names it, such as linux_amd64."""
    machine = platform.machine().lower()
    architecture = {"x86_64": "amd64", "aarch64": "arm64"}.get(machine, machine)
    return f"{'darwin' if sys.platform == 'darwin' else 'linux'}_{architecture}"


def _write_configuration(mirror: Path) -> Path:
    configuration = work_directory() / "terraform.rc"
    provider = provider_address()
    text = (
        "provider_installation {\n"
        f'  filesystem_mirror {{\n    path    = "{mirror}"\n    include = ["{provider}"]\n  }}\n'
        f'  direct {{\n    exclude = ["{provider}"]\n  }}\n'
        "}\n"
    )
    if not configuration.is_file() or configuration.read_text() != text:
        write_whole(configuration, text)
    return configuration


def _download_cache(environment: dict[str, str]) -> dict[str, str]:
    """One copy of the provider (600 MB) for all stacks."""
    cache = environment.get("TF_PLUGIN_CACHE_DIR") or str(work_directory() / "plugins")
    Path(cache).mkdir(parents=True, exist_ok=True)
    return {
        "TF_PLUGIN_CACHE_DIR": cache,
        # Without it Terraform downloads again for every folder that has no lock file yet:
        # https://developer.hashicorp.com/terraform/cli/config/config-file#provider-plugin-cache
        "TF_PLUGIN_CACHE_MAY_BREAK_DEPENDENCY_LOCK_FILE": "true",
    }
