"""The CDKTF app: synthesizes every stack of the workspace that TF_WORKSPACE names."""

from __future__ import annotations

import os
import sys

from stacks import lazy_bindings
from stacks.settings import SettingsError


def main() -> None:
    """Synthesize, or say in one line why the settings do not allow it."""
    lazy_bindings.install()
    # Only now, when the bindings are lazy.
    from stacks.api.lambda_package import LambdaPackageError  # noqa: PLC0415
    from stacks.platform import synthesize  # noqa: PLC0415

    try:
        synthesize(os.environ.get("TF_WORKSPACE"))
    except (SettingsError, LambdaPackageError) as error:
        sys.exit(f"error: {error}")


if __name__ == "__main__":
    main()
