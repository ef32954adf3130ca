"""Which faults come, how often and in which order; and what happened when they did."""

from __future__ import annotations

import time
import traceback
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from random import Random
from typing import TYPE_CHECKING

import pymysql

from tests.faults import faults
from tests.faults.proxy import Harm

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.faults.faults import Fault
    from tests.faults.platform import Platform

# Of a thousand. What takes seconds is rare, what takes none is frequent.
KINDS: dict[str, tuple[int, Fault]] = {
    "writer killed": (25, faults.kill_writer),
    "writer frozen": (25, faults.freeze_writer),
    "writer frozen for 6 s": (1, faults.freeze_writer_for_long),
    "failover": (25, faults.fail_over),
    "replica killed": (15, faults.kill_replica),
    "replica frozen": (20, faults.freeze_replica),
    "replica lagging": (55, faults.let_replica_lag),
    "connection cut": (150, faults.network_fault(Harm.CUT)),
    "connection reset": (140, faults.network_fault(Harm.RESET)),
    "connection half-closed": (
        60,
        faults.network_fault(Harm.HALF_CLOSE_CLIENT, Harm.HALF_CLOSE_SERVER),
    ),
    "connection stalled": (20, faults.network_fault(Harm.STALL)),
    "connection held up": (30, faults.network_fault(Harm.HOLD_UP)),
    "connections refused": (15, faults.refuse_connections),
    "network slow": (20, faults.slow_network),
    "session killed": (90, faults.kill_sessions),
    "deadlock": (60, faults.deadlock),
    "lock held": (40, faults.hold_lock),
    "lock held for 4 s": (1, faults.hold_lock_for_long),
    "tables locked": (12, faults.lock_tables),
    "environment killed": (104, faults.kill_environment),
    "secret rotated": (50, faults.rotate_secret),
    "secrets manager away": (7, faults.lose_secrets_manager),
    "clocks stepped": (35, faults.step_clocks),
}
_LONGEST_REST_SECONDS = 0.04
# So often the next fault comes while this one goes on.
_OVERLAPPING = 0.25


@dataclass(frozen=True)
class Planned:
    """A fault to come; ``overlapped`` if the next one does not wait for its end."""

    number: int
    kind: str
    rest: float
    overlapped: bool


@dataclass(frozen=True)
class Happened:
    """A fault that was done, in seconds of the monotonic clock; and whether it found what to harm."""

    kind: str
    began: float
    ended: float
    struck: bool


def plan(seed: str, count: int) -> list[Planned]:
    """The faults of a seed: the whole table shuffled, as often as it takes."""
    random = Random(f"{seed}/plan")
    kinds: list[str] = []
    while len(kinds) < count:
        table = [kind for kind, (times, _) in KINDS.items() for _ in range(times)]
        random.shuffle(table)
        kinds += table
    return [
        Planned(
            number,
            kind,
            random.uniform(0, _LONGEST_REST_SECONDS),
            overlapped=random.random() < _OVERLAPPING,
        )
        for number, kind in enumerate(kinds[:count])
    ]


class Run:
    """Does what was planned."""

    def __init__(self, platform: Platform, seed: str) -> None:
        self._platform = platform
        self._seed = seed
        self.happened: list[Happened] = []
        self.broken: list[str] = []

    def do(self, planned: list[Planned], goes_on: Callable[[], bool]) -> None:
        """Do all faults, as long as it ``goes_on``."""
        going: list[Future[None]] = []
        with ThreadPoolExecutor(4) as pool:
            for fault in planned:
                if not goes_on():
                    break
                time.sleep(fault.rest)
                going.append(pool.submit(self._do, fault))
                if not fault.overlapped:
                    for one in going:
                        one.result()
                    going.clear()

    def _do(self, fault: Planned) -> None:
        _, harm = KINDS[fault.kind]
        began = time.monotonic()
        try:
            # Its own sequence: what it chooses does not depend on what the others did.
            struck = harm(self._platform, Random(f"{self._seed}/fault/{fault.number}"))
        except pymysql.err.OperationalError:
            # Another one took the server away meanwhile.
            struck = False
        except Exception:  # noqa: BLE001 - the test tells
            self.broken.append(f"{fault.kind}: {traceback.format_exc()}")
            return
        self.happened.append(Happened(fault.kind, began, time.monotonic(), struck))
