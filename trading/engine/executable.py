"""Which binary runs the stacks: Terraform, or OpenTofu where TRADING_TERRAFORM names it."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

from trading.errors import OperatorError


def find_executable() -> str:
    """The path of the binary. Raises OperatorError when there is none."""
    name = _asked_name()
    binary = shutil.which(name)
    if binary is None:
        raise OperatorError(
            f"'{name}' is not found: install Terraform 1.5 or later"
            " (https://developer.hashicorp.com/terraform/install), or name it in TRADING_TERRAFORM"
        )
    return str(Path(binary).absolute())


def is_opentofu() -> bool:
    """Whether the binary is OpenTofu, by the name of the file that its path leads to.

    `version -json` does not tell: OpenTofu answers under Terraform's own key.
    """
    return Path(shutil.which(_asked_name()) or _asked_name()).resolve().name.startswith("tofu")


def provider_address() -> str:
    """Where the binary looks for `hashicorp/aws`, as lock files and mirrors write it.

    https://opentofu.org/docs/language/providers/requirements/#source-addresses
    """
    registry = "registry.opentofu.org" if is_opentofu() else "registry.terraform.io"
    return f"{registry}/hashicorp/aws"


def _asked_name() -> str:
    return os.environ.get("TRADING_TERRAFORM", "terraform")
