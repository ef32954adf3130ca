"""Brings this region's database up to date; invoked by every deployment that needs it."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from trade_service import request_context, services
from trade_service.configuration import configuration
from trade_service.data_access.database_users import ensure_users
from trade_service.data_access.migrations import MIGRATIONS_FOLDER, load_migrations, migrate
from trade_service.data_access.positions import PositionRepository
from trade_service.data_access.reads import Reads
from trade_service.logic.positions import PositionService
from trade_service.observability import logger

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext

    from trade_service.data_access.connection import TimedCursor
    from trade_service.data_access.migrations import MigrationResult

# Building an index and summing up all trades take longer than requests; the function has 15 minutes.
STATEMENT_TIMEOUT_SECONDS = 600.0
RECONCILE_POSITIONS = "reconcile-positions"
# What invocations of older code may still take when the function has got its new one.
OLDER_CODE_SECONDS = 35.0


@logger.inject_lambda_context(clear_state=True)
def handler(event: object, context: LambdaContext) -> dict[str, Any]:
    """Apply the pending migrations; or, when the event's ``task`` says so, reconcile the positions.

    Positions are reconciled once the code that keeps them is in place: older code, which goes on while the
    migrations run, records trades without them.

    Args:
        event: what a deployment writes there changes with the migrations, so that Terraform invokes the
            function again. Nothing but ``task`` is read.
        context: the invocation.

    Returns:
        ``applied`` (names, in order), ``current`` (the schema's version) and ``database``; or
        ``positions_corrected``.

    Raises:
        Exception: of any kind, to fail the invocation, and with it the deployment.
    """
    with request_context.request(context.get_remaining_time_in_millis() / 1000 - 1):
        if isinstance(event, dict) and event.get("task") == RECONCILE_POSITIONS:
            return _reconcile_positions()
        return _migrate()


def _migrate() -> dict[str, Any]:
    settings = configuration()
    migrations = load_migrations(MIGRATIONS_FOLDER)
    password = services.secret_credentials().current().password
    server = services.database(
        settings.database_writer_host, None, STATEMENT_TIMEOUT_SECONDS, written=True
    )

    def work(cursor: TimedCursor) -> MigrationResult:
        result = migrate(cursor, settings.database_name, migrations)
        ensure_users(cursor, settings.database_name, settings.database_authentication, password)
        return result

    try:
        result = server.run(work)
    finally:
        # Runs are rare: keep no connection of the writer's limited number.
        server.close()
    return {
        "applied": list(result.applied),
        "current": result.current,
        "database": settings.database_name,
    }


def _reconcile_positions() -> dict[str, int]:
    with services.patient_endpoints(STATEMENT_TIMEOUT_SECONDS) as (writer, reader):
        repository = PositionRepository(writer, Reads(writer, reader))
        positions = PositionService(configuration().region, repository)
        corrected = positions.reconcile()
        if corrected:
            # Older code was at work just now, and may have trades under way.
            time.sleep(OLDER_CODE_SECONDS)
            corrected += positions.reconcile()
    logger.info("positions reconciled", corrected=corrected)
    return {"positions_corrected": corrected}
