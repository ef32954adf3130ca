"""What must be so after the faults."""

from __future__ import annotations

import time
from collections import Counter
from datetime import UTC
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from tests.faults.database import DATABASE_NAME
from tests.faults.orders import CANCELLED, DESK, Document, positions_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from tests.faults.clients import Client
    from tests.faults.gateway import Gateway
    from tests.faults.platform import Platform
    from tests.faults.schedule import Run

# API Gateway's limit: whoever waits longer is told 504, and does not know what happened.
LONGEST_SECONDS = 29.0
# With less, this would be a test of a platform that is well.
LEAST_SHARE_STRUCK = 0.5


def violations(
    platform: Platform, gateway: Gateway, clients: Sequence[Client], run: Run
) -> Iterator[str]:
    """Everything that is not as it must be, in words."""
    yield from run.broken
    struck = sum(one.struck for one in run.happened)
    if struck < len(run.happened) * LEAST_SHARE_STRUCK:
        yield f"only {struck} of {len(run.happened)} faults found something to harm"
    yield from gateway.violations
    for client in clients:
        yield from client.violations
    for invocation in gateway.invocations:
        seconds = invocation.ended - invocation.began
        if seconds > LONGEST_SECONDS:
            yield f"{invocation.operation} took {seconds:.1f} s"
    rows = platform.cluster.writer.query(f"SELECT * FROM {DATABASE_NAME}.trades")
    recorded = [_document(row) for row in rows]
    yield from _wrong_trades(recorded, clients)
    yield from _broken_promises(recorded, clients)
    yield from _wrong_positions(platform, recorded)
    yield from _leaked_connections(platform)


def _wrong_trades(recorded: list[Document], clients: Sequence[Client]) -> Iterator[str]:
    """Trades that are doubled, changed, cancelled by nobody, or asked for by nobody."""
    requested: dict[str, Document] = {}
    cancels_requested: set[str] = set()
    for client in clients:
        requested |= client.requested
        cancels_requested |= client.cancels_requested
    times = Counter(trade["client_order_id"] for trade in recorded)
    for order_id in [*requested, *(times.keys() - requested.keys())]:
        if times[order_id] != (order_id in requested):
            yield f"{order_id} is recorded {times[order_id]} times: {requested.get(order_id)}"
    created = Counter(order_id for client in clients for order_id in client.created)
    for order_id, count in created.items():
        if count > 1:
            yield f"{order_id} was answered 201 to {count} clients"
    for trade in recorded:
        order = requested.get(trade["client_order_id"], {})
        if {name: trade[name] for name in order} != order:
            yield f"{order} is recorded as {trade}"
        if trade["status"] == CANCELLED and trade["trade_id"] not in cancels_requested:
            yield f"nobody cancelled {trade}"


def _broken_promises(recorded: list[Document], clients: Sequence[Client]) -> Iterator[str]:
    """Trades that are not as a client was told."""
    by_id = {trade["trade_id"]: trade for trade in recorded}
    for book in (book for client in clients for book in (client.own, client.desk)):
        for told in book.trades.values():
            found = by_id.get(told["trade_id"], {})
            # What one client was told of the desk's trades, another may have cancelled since.
            if book.account == DESK and found.get("status") == CANCELLED:
                found = {**found, **{name: told[name] for name in ("status", "cancelled_at")}}
            if found != told:
                yield f"{told} was acknowledged, and is recorded as {found}"


def _wrong_positions(platform: Platform, recorded: list[Document]) -> Iterator[str]:
    """Positions that are not the sum of the accepted trades."""
    rows = platform.cluster.writer.query(
        f"SELECT account, symbol, bought, sold, trades FROM {DATABASE_NAME}.positions"
    )
    kept = {
        (row["account"], row["symbol"]): (row["bought"], row["sold"], row["trades"])
        for row in rows
        if row["trades"]
    }
    summed = {
        (account, symbol): position
        for account in {trade["account"] for trade in recorded}
        for symbol, position in positions_of(
            trade for trade in recorded if trade["account"] == account
        ).items()
    }
    for key in sorted(kept.keys() | summed.keys()):
        if kept.get(key) != summed.get(key):
            yield f"the position {key} is {kept.get(key)}, its trades are {summed.get(key)}"


def _leaked_connections(platform: Platform) -> Iterator[str]:
    """More connections than one to each endpoint for each environment."""
    environments = platform.function.environments()
    proxies = (platform.writer_proxy, platform.reader_proxy)
    hosts = {proxy.host for proxy in proxies}
    for environment in environments:
        connections = environment.connections(hosts)
        if connections > len(proxies):
            yield f"an environment has {connections} connections"
    servers = (platform.cluster.writer, platform.cluster.replica)
    deadline = time.monotonic() + 5
    while time.monotonic() < deadline:
        sessions = [len(server.sessions_of_api()) for server in servers]
        if max(sessions) <= len(environments):
            return
        # A session whose client is gone takes a moment to end.
        time.sleep(0.1)
    yield f"the servers have {sessions} sessions of {len(environments)} environments"


def _document(row: dict[str, Any]) -> Document:
    """A row as the API shows it."""
    document = {name: _text(value) for name, value in row.items() if name != "version"}
    return {**document, "region": row["trade_id"].rsplit("-", 1)[0]}


def _text(value: Any) -> Any:
    if isinstance(value, Decimal):
        return f"{value:f}".rstrip("0").rstrip(".")
    if hasattr(value, "tzinfo"):
        text: str = value.replace(tzinfo=UTC).isoformat(timespec="microseconds")
        return text.replace("+00:00", "Z")
    return value
