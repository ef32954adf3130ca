"""Where the provider comes from: what the user set first, then a mirror of the machine, then a download."""

from __future__ import annotations

import os
import re
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import pytest

from stacks.base import AWS_PROVIDER_VERSION
from trading.engine import plugins
from trading.engine.executable import provider_address
from trading.engine.plugins import PROVIDER_LOCK, find_mirror, terraform_environment
from trading.engine.terraform import Terraform, require_version
from trading.errors import OperatorError

if TYPE_CHECKING:
    from pathlib import Path

    from .conftest import Project


@pytest.fixture(autouse=True)
def _bare_machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No mirror anywhere, whatever this machine has."""
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setenv("XDG_DATA_DIRS", str(tmp_path / "share"))
    monkeypatch.setenv("TRADING_WORK_DIR", str(tmp_path / "work"))
    monkeypatch.setattr(plugins, "SHARED_PARENTS", (str(tmp_path / "opt"),))
    for name in (
        "GOGC",
        "GOMEMLIMIT",
        "TF_CLI_CONFIG_FILE",
        "TF_PLUGIN_MIRROR",
        "TF_PLUGIN_CACHE_DIR",
        "XDG_DATA_HOME",
    ):
        monkeypatch.delenv(name, raising=False)


def mirror(folder: Path, platform: str | None = None) -> Path:
    unpacked = folder / provider_address() / "5.100.0" / (platform or plugins.this_platform())
    unpacked.mkdir(parents=True)
    (unpacked / "terraform-provider-aws_v5.100.0_x5").touch()
    return folder


def configuration(environment: dict[str, str]) -> str:
    from pathlib import Path  # noqa: PLC0415

    return Path(environment["TF_CLI_CONFIG_FILE"]).read_text()


def test_the_users_configuration_is_honoured(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    own = tmp_path / "own.rc"
    own.touch()
    mirror(tmp_path / "opt" / "plugins")
    monkeypatch.setenv("TF_CLI_CONFIG_FILE", str(own))
    assert terraform_environment()["TF_CLI_CONFIG_FILE"] == str(own)


def test_a_configuration_that_does_not_exist_is_replaced(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = mirror(tmp_path / "opt" / "plugins")
    monkeypatch.setenv("TF_CLI_CONFIG_FILE", str(tmp_path / "missing.rc"))
    assert f'path    = "{found}"' in configuration(terraform_environment())


def test_the_named_mirror_precedes_one_that_is_found(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    mirror(tmp_path / "opt" / "plugins")
    named = mirror(tmp_path / "named")
    monkeypatch.setenv("TF_PLUGIN_MIRROR", str(named))
    text = configuration(terraform_environment())
    assert f'path    = "{named}"' in text
    assert text.count(provider_address()) == 2


def test_a_named_mirror_without_the_provider_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TF_PLUGIN_MIRROR", str(tmp_path))
    with pytest.raises(OperatorError, match="which holds no"):
        terraform_environment()


@pytest.mark.parametrize(
    "place",
    ["home/.terraform.d/plugins", "home/.local/share/terraform/plugins", "share/terraform/plugins"],
)
def test_terraforms_implied_mirrors_are_found(tmp_path: Path, place: str) -> None:
    found = mirror(tmp_path / place)
    assert f'path    = "{found}"' in configuration(terraform_environment())


def test_a_mirror_for_another_machine_is_none(tmp_path: Path) -> None:
    other = mirror(tmp_path / "other", platform="plan9_mips")
    packed = tmp_path / "packed"
    (packed / provider_address()).mkdir(parents=True)
    name = f"terraform-provider-aws_5.100.0_{plugins.this_platform()}.zip"
    (packed / provider_address() / name).touch()
    assert find_mirror(iter([other])) is None
    assert find_mirror(iter([other, packed])) == packed


def test_without_a_mirror_one_download_serves_all_stacks(tmp_path: Path) -> None:
    environment = terraform_environment()
    assert "TF_CLI_CONFIG_FILE" not in environment
    assert environment["TF_PLUGIN_CACHE_DIR"] == str(tmp_path / "work" / "plugins")


def test_the_users_home_configuration_is_left_in_force(tmp_path: Path) -> None:
    (tmp_path / "home").mkdir()
    (tmp_path / "home" / ".terraformrc").touch()
    mirror(tmp_path / "opt" / "plugins")
    assert "TF_CLI_CONFIG_FILE" not in terraform_environment()


def test_no_workspace_is_inherited(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TF_WORKSPACE", "prod")
    assert "TF_WORKSPACE" not in terraform_environment()


def test_garbage_is_collected_less_often() -> None:
    environment = terraform_environment()
    assert (environment["GOGC"], environment["GOMEMLIMIT"]) == ("400", "1GiB")


@pytest.mark.parametrize(("name", "value"), [("GOGC", "off"), ("GOMEMLIMIT", "256MiB")])
def test_the_users_garbage_collection_is_left_alone(
    name: str, value: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(name, value)
    environment = terraform_environment()
    assert {key: environment[key] for key in ("GOGC", "GOMEMLIMIT") if key in environment} == {
        name: value
    }


def test_many_at_once_share_one_configuration(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = mirror(tmp_path / "opt" / "plugins")
    for attempt in range(20):
        monkeypatch.setenv("TRADING_WORK_DIR", str(tmp_path / f"work-{attempt}"))
        with ThreadPoolExecutor(8) as pool:
            environments = list(pool.map(lambda _: terraform_environment(), range(8)))
        assert all(str(found) in configuration(environment) for environment in environments)
        (only,) = (tmp_path / f"work-{attempt}").iterdir()
        assert only.name == "terraform.rc"


@pytest.fixture
def tofu(project: Project, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The stand-in under OpenTofu's name."""
    binary = project.work.parent / "tofu"
    (project.work.parent / "terraform").rename(binary)
    monkeypatch.setenv("TRADING_TERRAFORM", str(binary))
    return binary


def initialise(project: Project) -> Path:
    """A stack's folder after init."""
    directory = project.stacks["global-zone"].directory
    assert Terraform({**os.environ}, "dev").initialise(directory, print) == 0
    return directory


def test_every_stack_is_locked_to_the_committed_packages(project: Project) -> None:
    directory = initialise(project)
    assert (directory / ".terraform.lock.hcl").read_text() == PROVIDER_LOCK.read_text()


def test_another_lock_initialises_anew(
    project: Project, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    initialise(project)
    initialise(project)
    # Each call is recorded when it begins and when it ends.
    assert len(project.calls("init")) == 2
    newer = tmp_path / "newer.lock.hcl"
    newer.write_text("newer")
    monkeypatch.setattr(plugins, "PROVIDER_LOCK", newer)
    assert (initialise(project) / ".terraform.lock.hcl").read_text() == "newer"
    assert len(project.calls("init")) == 4


def test_the_lock_is_of_one_release_with_every_platform_of_it() -> None:
    lock = PROVIDER_LOCK.read_text()
    assert 'provider "registry.terraform.io/hashicorp/aws"' in lock
    assert f'constraints = "{AWS_PROVIDER_VERSION}"' in lock
    hashes = re.findall(r'^    "(h1:[\w+/]{43}=|zh:[0-9a-f]{64})",$', lock, re.MULTILINE)
    # Fourteen platforms, and the release's manifest has a checksum too.
    assert [sum(found.startswith(kind) for found in hashes) for kind in ("h1", "zh")] == [14, 15]
    assert hashes == sorted(set(hashes))


def test_opentofu_has_its_own_registry_and_no_lock_of_terraforms(
    project: Project, tofu: Path, tmp_path: Path
) -> None:
    assert require_version((1, 5)) == "1.11.4"
    assert not (initialise(project) / ".terraform.lock.hcl").exists()
    terraforms = tmp_path / "opt" / "terraforms"
    (terraforms / "registry.terraform.io/hashicorp/aws/5.100.0").mkdir(parents=True)
    assert "TF_CLI_CONFIG_FILE" not in terraform_environment()
    found = mirror(tmp_path / "opt" / "tofus")
    assert (found / "registry.opentofu.org/hashicorp/aws").is_dir()
    text = configuration(terraform_environment())
    assert f'path    = "{found}"' in text
    assert text.count("registry.opentofu.org/hashicorp/aws") == 2


def test_opentofus_home_configuration_is_left_in_force(
    project: Project, tofu: Path, tmp_path: Path
) -> None:
    (tmp_path / "home").mkdir()
    (tmp_path / "home" / ".tofurc").touch()
    mirror(tmp_path / "opt" / "plugins")
    assert "TF_CLI_CONFIG_FILE" not in terraform_environment()


def test_a_name_that_leads_to_opentofu_is_opentofu(
    project: Project, tofu: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "alias").symlink_to(tofu)
    monkeypatch.setenv("TRADING_TERRAFORM", str(tmp_path / "alias"))
    assert provider_address().startswith("registry.opentofu.org/")


@pytest.mark.parametrize(
    "name", ["TF_CLI_ARGS", "TF_CLI_ARGS_apply", "TF_VAR_drained_regions", "TF_DATA_DIR"]
)
def test_nothing_that_directs_one_call_goes_to_all(
    project: Project, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(name, "-lock=false")
    assert name not in terraform_environment()
