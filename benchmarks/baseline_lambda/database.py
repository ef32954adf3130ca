"""Connections and statements."""

from __future__ import annotations

import os
import ssl
from functools import cache
from typing import TYPE_CHECKING, Any

import boto3
import pymysql
from aws_lambda_powertools import Tracer
from aws_lambda_powertools.utilities.parameters import SecretsProvider
from pymysql.cursors import DictCursor

if TYPE_CHECKING:
    from datetime import datetime

tracer = Tracer()
secrets_manager = SecretsProvider(boto3_client=boto3.client("secretsmanager"))

INSERT_TRADE = """
INSERT INTO trades (trade_id, client_order_id, account, symbol, side, quantity, price, currency,
  status, created_at, cancelled_at, version)
VALUES (%(trade_id)s, %(client_order_id)s, %(account)s, %(symbol)s, %(side)s, %(quantity)s, %(price)s,
  %(currency)s, %(status)s, %(created_at)s, %(cancelled_at)s, %(version)s)
"""
ADD_TO_POSITION = """
INSERT INTO positions (account, symbol, bought, sold, trades, updated_at)
VALUES (%(account)s, %(symbol)s, %(bought)s, %(sold)s, 1, %(created_at)s)
ON DUPLICATE KEY UPDATE bought = bought + VALUES(bought), sold = sold + VALUES(sold),
  trades = trades + 1, updated_at = GREATEST(updated_at, VALUES(updated_at))
"""


@tracer.capture_method(capture_response=False)
def record(trade: dict[str, Any]) -> tuple[dict[str, Any], bool]:
    """The trade as it is recorded under its account and client order id, and whether it is this one."""
    bought, sold = (trade["quantity"], 0) if trade["side"] == "BUY" else (0, trade["quantity"])
    with _connect("DATABASE_WRITER_HOST") as connection, connection.cursor() as cursor:
        try:
            cursor.execute(INSERT_TRADE, trade)
            cursor.execute(ADD_TO_POSITION, {**trade, "bought": bought, "sold": sold})
            connection.commit()
        except pymysql.err.IntegrityError:
            connection.rollback()
            cursor.execute(
                "SELECT * FROM trades WHERE account = %s AND client_order_id = %s",
                (trade["account"], trade["client_order_id"]),
            )
            return cursor.fetchone() or {}, False
        return trade, True


@tracer.capture_method(capture_response=False)
def find(trade_id: str) -> dict[str, Any] | None:
    """The trade with this id."""
    with _connect("DATABASE_READER_HOST") as connection, connection.cursor() as cursor:
        cursor.execute("SELECT * FROM trades WHERE trade_id = %s", (trade_id,))
        return cursor.fetchone()


@tracer.capture_method(capture_response=False)
def newest(
    account: str, limit: int, after: tuple[datetime, str] | None
) -> tuple[dict[str, Any], ...]:
    """An account's trades, newest first, from just after a moment and an id."""
    condition, values = "", []
    if after:
        condition = "AND created_at <= %s AND (created_at < %s OR trade_id < %s)"
        values = [after[0], *after]
    with _connect("DATABASE_READER_HOST") as connection, connection.cursor() as cursor:
        cursor.execute(
            f"SELECT * FROM trades WHERE account = %s {condition} "
            "ORDER BY created_at DESC, trade_id DESC LIMIT %s",
            (account, *values, limit),
        )
        return tuple(cursor.fetchall())


@tracer.capture_method(capture_response=False)
def _connect(host: str) -> pymysql.Connection[DictCursor]:
    secret = secrets_manager.get(
        os.environ["DATABASE_SECRET_ARN"], transform="json", max_age=24 * 60 * 60
    )
    assert isinstance(secret, dict)
    return pymysql.connect(
        host=os.environ[host],
        port=int(os.environ["DATABASE_PORT"]),
        user=os.environ["DATABASE_USER"],
        password=secret["password"],
        database=os.environ["DATABASE_NAME"],
        ssl=_kept_tls() if "KEEP_TLS_CONTEXT" in os.environ else {"ca": _authorities()},
        charset="utf8mb4",
        init_command="SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED",
        cursorclass=DictCursor,
        connect_timeout=5,
        read_timeout=10,
        write_timeout=10,
    )


@cache
def _kept_tls() -> ssl.SSLContext:
    return ssl.create_default_context(cafile=_authorities())


def _authorities() -> str:
    return os.environ["DATABASE_CA_BUNDLE"]
