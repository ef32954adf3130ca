"""The whole platform on this machine: deployed, a trade through every region, and torn down again."""

from __future__ import annotations

from typing import TYPE_CHECKING

from stacks.settings import state_bucket
from trading.aws import session
from trading.engine.engine import Engine, require_terraform
from trading.errors import OperatorError
from trading.foundation import Foundation
from trading.interaction import carry_out, console, exclusively, show_order
from trading.local.trade_client import TradeClient
from trading.reports.outputs import RegionOutputs, as_table, read_outputs
from trading.state.states import list_file_states
from trading.targets import LocalAwsTarget

if TYPE_CHECKING:
    from collections.abc import Mapping

    from trading.engine.order import Order

WORKSPACE = "dev"


def demo(parallelism: int) -> None:
    """Deploy all stacks to the local AWS and make a trade in each region; repeated, it changes
    nothing. Raises OperatorError.
    """
    _require_embedded_state()
    target = LocalAwsTarget()
    engine = Engine(WORKSPACE, target, parallelism)
    require_terraform()
    target.local.up(console.print)
    foundation = Foundation(target, parallelism)
    changes = sum(_run(part, part.deploy_order(part.all_stacks())) for part in (foundation, engine))
    outputs = read_outputs(engine)
    console.print(as_table(_trades(outputs, target.environment())))
    if not changes:
        console.print(f"nothing to change: {len(engine.graph.stacks)} stacks are up to date")


def demo_down(parallelism: int) -> None:
    """Destroy all that the demo deployed, and stop what it started. Raises OperatorError."""
    _require_embedded_state()
    target = LocalAwsTarget()
    if not target.local.status().running and not list_file_states():
        console.print("nothing to do: nothing is deployed and the local AWS does not run")
        return
    target.local.up(console.print)
    engine = Engine(WORKSPACE, target, parallelism)
    _run(engine, engine.destroy_order(engine.all_stacks()))
    foundation = Foundation(target, parallelism)
    _run(foundation, foundation.destroy_all())
    if list_file_states():
        target.local.down()  # Another environment still lives in it.
    else:
        target.local.forget()
    console.print("the local AWS and its databases are stopped")


def _require_embedded_state() -> None:
    if state_bucket() is not None:
        raise OperatorError("the demo keeps its state in files: unset TRADING_STATE_BUCKET")


def _run(engine: Engine, order: Order) -> int:
    """Carry an order out and give the number of changes."""
    if not order.steps:
        return 0
    show_order(order, engine.workspace)
    with exclusively(engine, order.verb):
        return sum(result.changes.total for result in carry_out(engine, order))


def _trades(
    outputs: Mapping[str, RegionOutputs], environment: Mapping[str, str]
) -> dict[str, dict[str, object]]:
    return {
        region: {
            "API": values.api_invoke_url,
            "custom domain": values.regional_domain_url,
            "Aurora writer": values.writer_endpoint,
            "Aurora reader": values.reader_endpoint,
            "trade": _trade(region, values, environment),
        }
        for region, values in outputs.items()
    }


def _trade(region: str, values: RegionOutputs, environment: Mapping[str, str]) -> str:
    """Post the region's one trade and read it back; its id, and whether it is new."""
    credentials = session(environment).get_credentials()
    if credentials is None or values.api_invoke_url is None:
        raise OperatorError(f"there is no API in {region} to trade with")
    client = TradeClient(values.api_invoke_url, region, credentials.get_frozen_credentials())
    posted = client.post_trade(
        {
            # Fixed, so that a repeated demo gets the same trade back.
            "client_order_id": f"demo-{region}",
            "account": "demo",
            "symbol": "ACME",
            "side": "BUY",
            "quantity": "10",
            "price": "101.25",
            "currency": "USD",
        }
    )
    if posted.status not in {200, 201}:
        raise OperatorError(f"the API of {region} answered {posted.status}: {posted.body}")
    trade_id = posted.body["trade_id"]
    read = client.get_trade(trade_id)
    if (read.status, read.body) != (200, posted.body):
        raise OperatorError(f"{region} does not give its trade back: {read.status} {read.body}")
    return f"{trade_id} ({'recorded' if posted.status == 201 else 'was there'})"
