"""One run: the clients, the faults, and what is wrong afterwards."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tests.faults.clients import Client
from tests.faults.gateway import Gateway
from tests.faults.orders import Orders
from tests.faults.report import report
from tests.faults.schedule import Run, plan
from tests.faults.verification import violations

if TYPE_CHECKING:
    from tests.faults.platform import Platform

CLIENTS = 10
# Before the first fault: with less than this recorded, many would find nothing to harm.
WARM_UP_SECONDS = 2.0


@dataclass(frozen=True)
class Outcome:
    """What is wrong, in words; after how many faults; and a report for people."""

    violations: list[str]
    faults: int
    report: list[str]


def run(platform: Platform, seed: str, count: int) -> Outcome:
    """Do so many of a seed's faults, fewer if something is seen to be wrong, to a platform under load."""
    gateway, orders = Gateway(platform.function), Orders(seed)
    clients = [Client(number, seed, gateway, orders) for number in range(CLIENTS)]
    faults = Run(platform, seed)
    for client in clients:
        client.start()
    time.sleep(WARM_UP_SECONDS)
    faults.do(
        plan(seed, count),
        goes_on=lambda: not (gateway.violations or any(client.violations for client in clients)),
    )
    for client in clients:
        client.stop()
    for client in clients:
        client.join()
    gateway.close()
    found = list(violations(platform, gateway, clients, faults))
    return Outcome(found, len(faults.happened), list(report(faults, gateway, clients)))
