"""The emulator with its corrections, and the databases that live and end with it."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from ministack import app

from local_aws import corrections, registry
from local_aws.database_server import program

if TYPE_CHECKING:
    from collections.abc import Collection


def serve(leave_out: Collection[str]) -> None:
    """Serve until a signal ends it.

    :raises registry.CorrectionError: a correction does not fit the installed emulator.
    :raises DatabaseError: MariaDB is not installed.
    """
    for name in ("mariadbd", "mariadb", "mariadb-install-db"):
        program(name)
    registry.install(leave_out)
    databases = corrections.rds_databases.databases()
    sys.argv = ["ministack"]  # The emulator's main() reads a command line too.
    try:
        app.main()
    finally:
        databases.close()
