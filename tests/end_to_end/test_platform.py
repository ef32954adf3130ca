"""The whole platform on real Terraform and the local AWS: up, used, partly down, up again, gone.

One story in order: each test goes on where the one before it ended.
"""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from stacks.settings import FOUNDATION_WORKSPACE
from tests.end_to_end.conftest import REGION_NAMES, WORKSPACE, Operator
from tests.end_to_end.inventory import Inventory, take_inventory, usable_keys
from trading.engine.plugins import terraform_environment
from trading.local.trade_client import TradeClient

pytestmark = pytest.mark.end_to_end

TORN_DOWN = "us-west-2"
OTHERS = [region for region in REGION_NAMES if region != TORN_DOWN]


def trade(region: str, price: str = "101.25") -> dict[str, str]:
    """A trade of the tests, one in each region."""
    return {
        "client_order_id": f"order-{region}",
        "account": "tests",
        "symbol": "ACME",
        "side": "BUY",
        "quantity": "10",
        "price": price,
        "currency": "USD",
    }


@pytest.fixture(scope="module")
def empty(operator: Operator) -> Inventory:
    """What the local AWS holds before anything of ours, such as each region's default VPC."""
    return take_inventory(operator.local.endpoint_url, REGION_NAMES)


@pytest.fixture(scope="module")
def deployed(operator: Operator, empty: Inventory) -> Iterator[Operator]:
    """The operator after the foundation and all stacks are deployed."""
    operator.succeeds("foundation", "deploy", "--yes")
    operator.succeeds("deploy", "--yes")
    yield operator
    # Nothing to do when the story came to its end; otherwise the next run starts from nothing.
    operator.trading("destroy", "--yes")


@pytest.fixture(scope="module")
def clients(deployed: Operator) -> dict[str, TradeClient]:
    """A trading client of each region's API as first deployed."""
    return deployed.clients()


def stack_directories(operator: Operator) -> list[tuple[str, Path]]:
    """The folders of all synthesized stacks, each with its workspace."""
    return [
        (workspace, directory)
        for workspace in (WORKSPACE, FOUNDATION_WORKSPACE)
        for directory in sorted((operator.work / workspace / "cdktf.out" / "stacks").iterdir())
    ]


def test_everything_deploys_and_every_kind_of_thing_is_there(
    deployed: Operator, empty: Inventory
) -> None:
    held = take_inventory(deployed.local.endpoint_url, REGION_NAMES)
    missing = [place for place, names in held.items() if not names - empty[place]]
    assert missing == []
    # In each region the platform's key and the foundation's.
    assert len(usable_keys(deployed.local.endpoint_url, REGION_NAMES)) == 2 * len(REGION_NAMES)


def test_a_second_plan_of_every_stack_shows_no_changes(deployed: Operator) -> None:
    environment = terraform_environment(deployed.local.environment())

    def plan(place: tuple[str, Path]) -> str:
        workspace, directory = place
        result = subprocess.run(
            ["terraform", "plan", "-detailed-exitcode", "-input=false", "-no-color"],
            cwd=directory,
            env=environment | {"TF_WORKSPACE": workspace},
            capture_output=True,
            text=True,
            check=False,
        )
        return "" if result.returncode == 0 else f"{directory.name}: {result.stdout}{result.stderr}"

    directories = stack_directories(deployed)
    assert len(directories) == 14 + 3
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        assert "".join(pool.map(plan, directories)) == ""


@pytest.mark.parametrize("region", REGION_NAMES)
def test_a_trade_is_recorded_once_and_read_back(
    clients: dict[str, TradeClient], region: str
) -> None:
    client = clients[region]
    first = client.post_trade(trade(region))
    assert first.status == 201, first.body
    assert first.body["trade_id"].startswith(f"{region}-")
    assert first.body["price"] == "101.25"
    again = client.post_trade(trade(region))
    assert (again.status, again.body) == (200, first.body)
    read = client.get_trade(first.body["trade_id"])
    assert (read.status, read.body) == (200, first.body)


@pytest.mark.parametrize("region", REGION_NAMES)
def test_clients_faults_are_answered_as_such(clients: dict[str, TradeClient], region: str) -> None:
    client = clients[region]
    assert client.post_trade(trade(region, price="99")).status == 409
    assert client.post_trade(trade(region, price="a lot")).status == 400
    assert client.get_trade("nonsense").status == 400


def test_a_trade_of_another_region_is_answered_with_where_it_lives(
    clients: dict[str, TradeClient],
) -> None:
    home, other = REGION_NAMES[0], REGION_NAMES[1]
    trade_id = clients[home].post_trade(trade(home)).body["trade_id"]
    answer = clients[other].get_trade(trade_id)
    assert answer.status == 421
    assert home in json.dumps(answer.body)


def test_a_region_that_others_stand_on_is_not_destroyed(
    deployed: Operator, clients: dict[str, TradeClient]
) -> None:
    result = deployed.trading("destroy", f"data-{TORN_DOWN}", "--yes")
    assert result.returncode == 1
    assert f"api-{TORN_DOWN}" in result.stderr
    assert "Traceback" not in result.stderr
    assert clients[TORN_DOWN].post_trade(trade(TORN_DOWN)).status == 200


def test_one_layer_of_one_region_goes_and_comes_back_while_the_others_answer(
    deployed: Operator, clients: dict[str, TradeClient]
) -> None:
    before = clients[TORN_DOWN].post_trade(trade(TORN_DOWN))

    deployed.succeeds("destroy", f"api-{TORN_DOWN}", "global-dns", "--yes")
    for region in OTHERS:
        assert clients[region].post_trade(trade(region)).status == 200
    assert clients[TORN_DOWN].post_trade(trade(TORN_DOWN)).status in {403, 404}
    assert deployed.outputs()[TORN_DOWN]["api_invoke_url"] is None

    deployed.succeeds("deploy", f"api-{TORN_DOWN}", "global-dns", "--yes")
    after = deployed.clients()[TORN_DOWN].post_trade(trade(TORN_DOWN))
    assert (after.status, after.body) == (200, before.body)


def test_after_destroying_all_nothing_of_ours_is_left(deployed: Operator, empty: Inventory) -> None:
    endpoint = deployed.local.endpoint_url
    deployed.succeeds("destroy", "--yes", "--confirm", WORKSPACE)
    deployed.succeeds("foundation", "destroy", "--yes", "--confirm", FOUNDATION_WORKSPACE)
    assert take_inventory(endpoint, REGION_NAMES) == empty
    assert usable_keys(endpoint, REGION_NAMES) == frozenset()
    assert deployed.local.status().clusters == []
    assert list((deployed.work / "state").rglob("*.tfstate")) == []
