"""Wires the service together, once per process: connections outlive an invocation."""

from __future__ import annotations

from functools import cache

import boto3
from botocore.config import Config

from trade_service.configuration import configuration
from trade_service.data_access.credentials import CredentialsProvider
from trade_service.data_access.database import STATEMENT_TIMEOUT_SECONDS, Database, Endpoint
from trade_service.data_access.trades import TradeRepository
from trade_service.logic.trades import TradeService


@cache
def credentials() -> CredentialsProvider:
    """The database credentials of this process."""
    settings = configuration()
    client = boto3.client(
        "secretsmanager",
        region_name=settings.region,
        config=Config(connect_timeout=2, read_timeout=3, retries={"total_max_attempts": 2}),
    )
    return CredentialsProvider(client, settings.database_secret_arn)


@cache
def writer() -> Database:
    """The cluster's writer endpoint."""
    return database(configuration().database_writer_host, configuration().database_name)


@cache
def reader() -> Database:
    """The cluster's reader endpoint."""
    return database(configuration().database_reader_host, configuration().database_name)


@cache
def trade_service() -> TradeService:
    """The trading operations of this region."""
    return TradeService(configuration(), TradeRepository(writer(), reader()))


def database(
    host: str,
    database_name: str | None,
    statement_timeout_seconds: int = STATEMENT_TIMEOUT_SECONDS,
) -> Database:
    """An endpoint of this region's cluster."""
    settings = configuration()
    endpoint = Endpoint(
        host=host,
        port=settings.database_port,
        database_name=database_name,
        ca_bundle=settings.database_ca_bundle,
        statement_timeout_seconds=statement_timeout_seconds,
    )
    return Database(endpoint, credentials())
