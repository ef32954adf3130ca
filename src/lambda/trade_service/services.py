"""Wires the service together, once per process: connections outlive an invocation."""

from __future__ import annotations

from contextlib import contextmanager
from functools import cache
from typing import TYPE_CHECKING

from trade_service.configuration import configuration
from trade_service.data_access.connection import STATEMENT_TIMEOUT_SECONDS, Endpoint
from trade_service.data_access.credentials import SecretCredentials, TokenCredentials
from trade_service.data_access.database import Database
from trade_service.data_access.positions import PositionRepository
from trade_service.data_access.reads import Reads
from trade_service.data_access.trades import TradeRepository
from trade_service.logic.positions import PositionService
from trade_service.logic.trades import TradeService

if TYPE_CHECKING:
    from collections.abc import Iterator

    from trade_service.data_access.credentials import CredentialsProvider


@cache
def writer() -> Database:
    """The cluster's writer endpoint."""
    settings = configuration()
    return database(settings.database_writer_host, settings.database_name, written=True)


@cache
def reader() -> Database:
    """The cluster's reader endpoint."""
    return database(configuration().database_reader_host, configuration().database_name)


@cache
def trade_service() -> TradeService:
    """The trading operations of this region."""
    return TradeService(configuration(), TradeRepository(writer(), Reads(writer(), reader())))


@cache
def position_service() -> PositionService:
    """The positions of this region."""
    repository = PositionRepository(writer(), Reads(writer(), reader()))
    return PositionService(configuration().region, repository)


def database(
    host: str,
    database_name: str | None,
    statement_timeout_seconds: float = STATEMENT_TIMEOUT_SECONDS,
    *,
    written: bool = False,
) -> Database:
    """An endpoint of this region's cluster; one that is ``written`` to must be the writer."""
    settings = configuration()
    endpoint = Endpoint(
        host=host,
        port=settings.database_port,
        database_name=database_name,
        ca_bundle=settings.database_ca_bundle,
        written=written,
        statement_timeout_seconds=statement_timeout_seconds,
    )
    return Database(endpoint, _credentials(host))


def _credentials(host: str) -> CredentialsProvider:
    settings = configuration()
    if settings.database_user and settings.database_authentication == "iam":
        return TokenCredentials(
            settings.region, host, settings.database_port, settings.database_user
        )
    return secret_credentials()


@cache
def secret_credentials() -> SecretCredentials:
    """One reading of the secret for all endpoints."""
    settings = configuration()
    return SecretCredentials(settings.region, settings.database_secret_arn, settings.database_user)


@contextmanager
def patient_endpoints(statement_timeout_seconds: float) -> Iterator[tuple[Database, Database]]:
    """Writer and reader for what looks at all trades, closed in the end: such runs are rare, and the
    cluster's number of connections is limited.
    """
    settings = configuration()
    name, seconds = settings.database_name, statement_timeout_seconds
    writing = database(settings.database_writer_host, name, seconds, written=True)
    reading = database(settings.database_reader_host, name, seconds)
    try:
        yield writing, reading
    finally:
        writing.close()
        reading.close()


def forget() -> None:
    """Close what is open, and begin anew: what a new execution environment starts with."""
    for endpoint in (writer, reader):
        if endpoint.cache_info().currsize:
            endpoint().close()
    kept = (configuration, writer, reader, trade_service, position_service, secret_credentials)
    for cached in kept:
        cached.cache_clear()
