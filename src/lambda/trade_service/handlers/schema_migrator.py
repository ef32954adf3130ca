"""Brings this region's database schema up to date; invoked on every deployment."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from trade_service import services
from trade_service.configuration import configuration
from trade_service.data_access.migrations import MIGRATIONS_FOLDER, load_migrations, migrate
from trade_service.observability import logger

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext

# Index builds take longer than requests; still below the function's own 30 seconds.
STATEMENT_TIMEOUT_SECONDS = 25


@logger.inject_lambda_context(clear_state=True)
def handler(event: object, context: LambdaContext) -> dict[str, Any]:  # noqa: ARG001
    """Apply the pending migrations.

    Args:
        event: anything; it is not read. A deployment puts the migrations' digest there, so that
            Terraform invokes the function again when they change.
        context: the invocation.

    Returns:
        ``applied`` (names, in order), ``current`` (the schema's version) and ``database``.

    Raises:
        Exception: of any kind, to fail the invocation, and with it the deployment.
    """
    settings = configuration()
    migrations = load_migrations(MIGRATIONS_FOLDER)
    server = services.database(settings.database_writer_host, None, STATEMENT_TIMEOUT_SECONDS)
    try:
        with server.cursor() as cursor:
            result = migrate(cursor, settings.database_name, migrations)
    finally:
        # Runs are rare: keep no connection of the writer's limited number.
        server.close()
    return {
        "applied": list(result.applied),
        "current": result.current,
        "database": settings.database_name,
    }
