"""A thousand faults over a load of clients, and then: nothing lost, nothing doubled, all of it answered.

The faults and what the clients do come from a seed. FAULTS_SEED and FAULTS_COUNT choose others:
``make faults FAULTS_SEED=7 FAULTS_COUNT=5000``.
"""

from __future__ import annotations

import os
import time
from typing import TYPE_CHECKING

import pytest

from tests.faults.clients import Client
from tests.faults.gateway import Gateway
from tests.faults.orders import Orders
from tests.faults.report import report
from tests.faults.schedule import Run, plan
from tests.faults.verification import violations

if TYPE_CHECKING:
    from tests.faults.faults import Platform

SEED = os.environ.get("FAULTS_SEED") or "1"
COUNT = int(os.environ.get("FAULTS_COUNT") or 1000)
CLIENTS = 10
# Before the first fault: with less than this recorded, many would find nothing to harm.
WARM_UP_SECONDS = 2.0
MOST_VIOLATIONS_SHOWN = 20


def test_nothing_is_lost_or_doubled_whatever_fails(
    platform: Platform, capsys: pytest.CaptureFixture[str]
) -> None:
    gateway, orders = Gateway(platform.function), Orders(SEED)
    clients = [Client(number, SEED, gateway, orders) for number in range(CLIENTS)]
    run = Run(platform, SEED)
    for client in clients:
        client.start()
    time.sleep(WARM_UP_SECONDS)
    run.do(plan(SEED, COUNT), goes_on=lambda: not any(client.violations for client in clients))
    for client in clients:
        client.stop()
    for client in clients:
        client.join()
    gateway.close()
    found = list(violations(platform, gateway, clients, run))
    with capsys.disabled():
        print("", *report(run, gateway, clients), sep="\n")  # noqa: T201 - what `make faults` is for
    assert not found, _told(found, len(run.happened))


def _told(found: list[str], faults: int) -> str:
    more = len(found) - MOST_VIOLATIONS_SHOWN
    return "\n".join(
        [
            f"after {faults} faults; again: make faults FAULTS_SEED={SEED} FAULTS_COUNT={COUNT}",
            *(one[:2000] for one in found[:MOST_VIOLATIONS_SHOWN]),
            *([f"and {more} more"] if more > 0 else []),
        ]
    )
