"""The emulator with its corrections, and the databases that live and end with it."""

from __future__ import annotations

import sys
from collections.abc import Collection
from pathlib import Path

from ministack import app

from local_aws import corrections, registry
from local_aws.database_fleet import DatabaseFleet
from local_aws.database_server import DatabaseError, program
from local_aws.registry import CorrectionError

__all__ = ["CorrectionError", "DatabaseError", "serve"]


def serve(directory: Path, leave_out: Collection[str]) -> None:
    """Serve until a signal ends it.

    :raises CorrectionError: a correction does not fit the installed emulator.
    :raises DatabaseError: MariaDB is not installed.
    """
    for name in ("mariadbd", "mariadb", "mariadb-install-db"):
        program(name)
    fleet = DatabaseFleet(directory / "databases")
    corrections.use_databases(fleet)
    registry.install(leave_out)
    sys.argv = ["ministack"]  # The emulator's main() reads a command line too.
    try:
        app.main()
    finally:
        fleet.close()
