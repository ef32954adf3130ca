"""Other execution environments of the function: the same database, over connections of their own."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, TypeVar

from trade_service import services
from trade_service.configuration import configuration
from trade_service.contract.documents import parse
from trade_service.data_access.positions import PositionRepository
from trade_service.data_access.reads import Reads
from trade_service.data_access.trades import TradeRepository
from trade_service.logic.positions import PositionService
from trade_service.logic.trades import TradeService
from trade_service.models import TradeRequest

from tests.lambda_source.events import trade_body

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from trade_service.data_access.database import Database

Worker = TypeVar("Worker")
Result = TypeVar("Result")


def database() -> Database:
    settings = configuration()
    return services.database(settings.database_writer_host, settings.database_name)


def trade_service() -> TradeService:
    writer = database()
    return TradeService(configuration(), TradeRepository(writer, Reads(writer, writer)))


def position_repository() -> PositionRepository:
    writer = database()
    return PositionRepository(writer, Reads(writer, writer))


def position_service() -> PositionService:
    return PositionService(configuration().region, position_repository())


def request(**changes: object) -> TradeRequest:
    return parse(TradeRequest, trade_body(**changes))


def at_one_time(
    work: Callable[[Worker], Result], workers: Sequence[Worker]
) -> list[Result | Exception]:
    """What each did, or failed with, when all began together."""
    barrier = threading.Barrier(len(workers))

    def begin(worker: Worker) -> Result | Exception:
        barrier.wait()
        try:
            return work(worker)
        except Exception as error:  # noqa: BLE001 - the test looks at all of them
            return error

    with ThreadPoolExecutor(len(workers)) as pool:
        return list(pool.map(begin, workers))
