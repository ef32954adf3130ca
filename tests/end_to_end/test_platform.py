"""The whole platform on real Terraform and the local AWS: up, used, partly down, up again, gone.

One story in order: each test goes on where the one before it ended.
"""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import pytest

from scan.evidence import Evidence, Stage
from scan.gates.configuration import check_configuration
from scan.gates.permissions import check_grammar, check_privileges
from scan.waivers import judge, read_waivers
from stacks.settings import FOUNDATION_WORKSPACE
from tests.end_to_end.api_document import check_against_document
from tests.end_to_end.behind_terraform import prove_changes_are_found, prove_nothing_is_found
from tests.end_to_end.conftest import REGION_NAMES, WORKSPACE, Operator
from tests.end_to_end.interruptions import (
    aws,
    is_at,
    kill_terraform,
    obstacle,
    run_of,
    step_of,
    wait_until,
)
from tests.end_to_end.inventory import Inventory, take_inventory, usable_keys
from tests.end_to_end.leftovers import check_what_a_destroy_left
from trading.engine.events import State
from trading.engine.plugins import terraform_environment
from trading.local.trade_client import TradeClient

pytestmark = pytest.mark.end_to_end

SURVIVING, OBSTRUCTED, TORN_DOWN = REGION_NAMES
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


@dataclass(frozen=True)
class FirstRun:
    """What was seen of a deploy that everything happened to."""

    second_operator: subprocess.CompletedProcess[str]
    states: dict[str, State | None]


@pytest.fixture(scope="module")
def first_run(operator: Operator, empty: Inventory) -> FirstRun:
    """A first deploy: one region has an obstacle in its way, in another one Terraform is killed in the
    middle of its database, and in the end `trading` itself is, while Terraform works in the third.
    """
    operator.succeeds("foundation", "deploy", "--yes")
    with obstacle(operator, OBSTRUCTED):
        run = operator.start("deploy", "--yes")
        for region in (TORN_DOWN, SURVIVING):
            database = partial(is_at, operator, f"data-{region}", "aws_rds_cluster.aurora_cluster")
            wait_until(f"the database of {region} is being made", database)
            if region == TORN_DOWN:
                kill_terraform(operator, f"data-{region}")
        obstructed = f"network-{OBSTRUCTED}"
        wait_until("the obstacle is met", lambda: step_of(operator, obstructed).state is not None)
        second_operator = operator.trading("deploy", "--yes")
        run.kill()
        run.communicate()
    recorded = run_of(operator)
    assert recorded is not None
    states = {name: step.state for name, step in recorded.steps.items()}
    return FirstRun(second_operator, states)


@pytest.fixture(scope="module")
def deployed(operator: Operator, first_run: FirstRun) -> Iterator[Operator]:
    """The operator after the foundation and all stacks are deployed."""
    said = operator.succeeds("resume", "--yes")
    assert f"still works on data-{SURVIVING}" in said
    assert f"data-{TORN_DOWN}: took over " in said
    assert "aws_rds_cluster.aurora_cluster" in said
    yield operator
    # Nothing to do when the story came to its end; otherwise the next run starts from nothing.
    operator.trading("destroy", "--confirm", WORKSPACE)


@pytest.fixture(scope="module")
def clients(deployed: Operator) -> dict[str, TradeClient]:
    """A trading client of each region's API as first deployed."""
    return deployed.clients()


def in_rotation(operator: Operator) -> set[str]:
    """The regions that the shared name leads to, asked of Route 53."""
    route53 = aws(operator, "route53", REGION_NAMES[0])
    [zone] = route53.list_hosted_zones()["HostedZones"]
    records = route53.list_resource_record_sets(HostedZoneId=zone["Id"])["ResourceRecordSets"]
    return {record["SetIdentifier"] for record in records if "SetIdentifier" in record}


def cut_off_destroy(operator: Operator) -> None:
    """A destroy that is killed, and its Terraform too, while a database is being deleted."""
    run = operator.start("destroy", "--confirm", WORKSPACE)
    stack = f"data-{TORN_DOWN}"
    writer = "aws_rds_cluster_instance.aurora_writer"
    wait_until("the database is being deleted", lambda: is_at(operator, stack, writer))
    run.kill()
    run.communicate()
    kill_terraform(operator, stack)


def test_a_stack_that_fails_in_one_region_stops_only_its_dependants(first_run: FirstRun) -> None:
    """Of the killed run it is known what was done, failed, skipped, and under way."""
    states = first_run.states
    assert states[f"network-{OBSTRUCTED}"] is State.FAILED
    assert states[f"data-{TORN_DOWN}"] is State.FAILED
    assert states[f"data-{SURVIVING}"] is None
    assert {name for name, state in states.items() if state is State.SKIPPED} == {
        f"data-{OBSTRUCTED}",
        f"api-{OBSTRUCTED}",
        f"api-{TORN_DOWN}",
        "global-dns",
    }


def test_two_operators_do_not_work_on_one_environment(first_run: FirstRun) -> None:
    assert first_run.second_operator.returncode == 1
    assert "another run works on dev" in first_run.second_operator.stderr


def test_everything_deploys_and_every_kind_of_thing_is_there(
    deployed: Operator, empty: Inventory
) -> None:
    held = take_inventory(deployed.local.endpoint_url, REGION_NAMES)
    missing = [place for place, names in held.items() if not names - empty[place]]
    assert missing == []
    # In each region the platform's key and the foundation's, and one of the zone.
    assert len(usable_keys(deployed.local.endpoint_url, REGION_NAMES)) == 2 * len(REGION_NAMES) + 1


def test_a_second_plan_shows_no_changes_and_nothing_unargued(deployed: Operator) -> None:
    folder = deployed.work / "exported"
    assert "+0 ~0 -0 resources" in deployed.succeeds("plan", "--export", str(folder))
    evidence = [Evidence(WORKSPACE, Stage.DEPLOYED, folder)]
    assert len(evidence[0].stacks) == 14
    # `make scan` plans one region, and no records: these need all three.
    gates = (check_configuration, check_grammar, check_privileges)
    findings = [finding for gate in gates for finding in gate(evidence).findings]
    waivers = read_waivers()
    assert judge(findings, waivers).failed == ()
    only_here = [waiver for waiver in waivers if waiver.elsewhere]
    assert [waiver for waiver in only_here if not any(map(waiver.covers, findings))] == []


def test_plain_terraform_in_a_stacks_folder_finds_no_changes_either(deployed: Operator) -> None:
    environment = terraform_environment(deployed.local.environment())

    def plan(directory: Path) -> str:
        result = subprocess.run(
            ["terraform", "plan", "-detailed-exitcode", "-input=false", "-no-color"],
            cwd=directory,
            env=environment | {"TF_WORKSPACE": FOUNDATION_WORKSPACE},
            capture_output=True,
            text=True,
            check=False,
        )
        return "" if result.returncode == 0 else f"{directory.name}: {result.stdout}{result.stderr}"

    folder = deployed.work / FOUNDATION_WORKSPACE / "cdktf.out" / "stacks"
    directories = sorted(folder.iterdir())
    assert len(directories) == len(REGION_NAMES)
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


def test_positions_follow_batches_and_cancels(clients: dict[str, TradeClient]) -> None:
    client = clients[REGION_NAMES[0]]
    buys = [
        {**trade(client.region), "account": "desk", "client_order_id": f"{n}"} for n in range(3)
    ]
    sale = {**buys[0], "client_order_id": "sale", "side": "SELL", "quantity": "4.5"}
    results = client.post_trades([*buys, sale, buys[0]]).body["results"]
    assert [result["status"] for result in results] == [201, 201, 201, 201, 200]
    cancelled = client.cancel_trade(results[1]["trade"]["trade_id"])
    assert (cancelled.status, cancelled.body["status"]) == (200, "CANCELLED")
    [position] = client.get_positions("desk").body["positions"]
    assert (position["quantity"], position["bought"], position["trades"]) == ("15.5", "20", 3)


def test_the_api_keeps_to_its_document(clients: dict[str, TradeClient]) -> None:
    check_against_document(clients[REGION_NAMES[0]])


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
    result = deployed.trading("destroy", f"data-{TORN_DOWN}", "--confirm", WORKSPACE)
    assert result.returncode == 1
    assert f"api-{TORN_DOWN}" in result.stderr
    assert "Traceback" not in result.stderr
    assert clients[TORN_DOWN].post_trade(trade(TORN_DOWN)).status == 200


def test_what_is_done_behind_terraforms_back_is_found(deployed: Operator) -> None:
    prove_changes_are_found(deployed, TORN_DOWN, ["security", "network"])


def test_what_nobody_touched_or_was_taken_back_neither_drifts_nor_differs(
    deployed: Operator,
) -> None:
    prove_nothing_is_found(deployed)


def test_an_api_that_clients_are_led_to_is_not_destroyed(deployed: Operator) -> None:
    result = deployed.trading("destroy", f"api-{TORN_DOWN}", "--confirm", WORKSPACE)
    assert result.returncode == 1
    assert f"run `trading drain {TORN_DOWN} --env {WORKSPACE}` first" in result.stderr


def test_a_region_is_drained_while_it_is_down(
    deployed: Operator, clients: dict[str, TradeClient]
) -> None:
    assert in_rotation(deployed) == set(REGION_NAMES)
    deployed.succeeds("local", "outage", TORN_DOWN)
    try:
        assert clients[TORN_DOWN].post_trade(trade(TORN_DOWN)).status == 503
        deployed.succeeds("drain", TORN_DOWN, "--yes")
    finally:
        deployed.succeeds("local", "recover", TORN_DOWN)
    assert in_rotation(deployed) == set(OTHERS)


def test_a_later_deploy_keeps_it_drained(deployed: Operator) -> None:
    assert "nothing changed" in deployed.succeeds("deploy", "global-dns", "--yes")
    assert in_rotation(deployed) == set(OTHERS)
    assert "drained" in deployed.succeeds("status")


def test_the_api_of_a_drained_region_goes_and_comes_back_while_the_others_answer(
    deployed: Operator, clients: dict[str, TradeClient]
) -> None:
    before = clients[TORN_DOWN].post_trade(trade(TORN_DOWN))

    deployed.succeeds("destroy", f"api-{TORN_DOWN}", "--confirm", WORKSPACE)
    for region in OTHERS:
        assert clients[region].post_trade(trade(region)).status == 200
    assert clients[TORN_DOWN].post_trade(trade(TORN_DOWN)).status in {403, 404}
    assert deployed.outputs()[TORN_DOWN]["api_invoke_url"] is None
    assert in_rotation(deployed) == set(OTHERS)

    deployed.succeeds("deploy", f"api-{TORN_DOWN}", "global-dns", "--yes")
    after = deployed.clients()[TORN_DOWN].post_trade(trade(TORN_DOWN))
    assert (after.status, after.body) == (200, before.body)
    assert in_rotation(deployed) == set(OTHERS)


def test_a_drained_region_is_put_back(deployed: Operator) -> None:
    deployed.succeeds("undrain", TORN_DOWN, "--yes")
    assert in_rotation(deployed) == set(REGION_NAMES)


def test_after_destroying_all_nothing_of_ours_is_left(deployed: Operator, empty: Inventory) -> None:
    endpoint = deployed.local.endpoint_url
    cut_off_destroy(deployed)
    deployed.succeeds("resume", "--confirm", WORKSPACE)
    check_what_a_destroy_left(deployed)
    deployed.succeeds("foundation", "destroy", "--confirm", FOUNDATION_WORKSPACE)
    assert take_inventory(endpoint, REGION_NAMES) == empty
    assert usable_keys(endpoint, REGION_NAMES) == frozenset()
    assert deployed.local.status().clusters == []
    assert list((deployed.work / "state").rglob("*.tfstate")) == []
