"""The emulator with its corrections, and the databases that live and end with it."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from ministack import app

from local_aws import corrections, registry
from local_aws.database_server import program

if TYPE_CHECKING:
    from collections.abc import Collection


# The AWS SDK for Go, which Terraform uses, closes a connection that was idle for 90 seconds.
IDLE_SECONDS = 3600


def let_clients_close_idle_connections() -> None:
    """Close no idle connection before its client does.

    The emulator closes after 75 seconds, also when a request arrives at that very moment: it is carried
    out and never answered, the SDK sends it again, and what exists cannot be created twice.
    """
    idle_seconds = property(lambda _: IDLE_SECONDS, lambda _config, _seconds: None)
    app._HypercornConfig.keep_alive_timeout = idle_seconds


def serve(leave_out: Collection[str]) -> None:
    """Serve until a signal ends it.

    :raises registry.CorrectionError: a correction does not fit the installed emulator.
    :raises DatabaseError: MariaDB is not installed.
    """
    for name in ("mariadbd", "mariadb", "mariadb-install-db"):
        program(name)
    registry.install(leave_out)
    let_clients_close_idle_connections()
    databases = corrections.rds_databases.databases()
    sys.argv = ["ministack"]  # The emulator's main() reads a command line too.
    try:
        app.main()
    finally:
        databases.close()
