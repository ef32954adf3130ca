"""What a run looks like: in place on a terminal, in lines elsewhere."""

from __future__ import annotations

from pathlib import Path

from rich.console import Console

from trading.display import LineDisplay, LiveDisplay, RunTable, Showing, display
from trading.engine.events import (
    Changes,
    Event,
    Interrupted,
    ResourceFinished,
    ResourceStarted,
    StackFinished,
    StackPlanned,
    StackStarted,
    State,
)
from trading.engine.graph import Stack
from trading.engine.order import Order, Step, Verb
from trading.summary import order_tree, summarize

LOG = Path("data.log")
TRANSCRIPT = Path("data.jsonl")


def order(**predecessors: set[str]) -> Order:
    stacks = [Stack(name, "", None, (), frozenset(), Path()) for name in predecessors]
    return Order(Verb.DEPLOY, [Step(stack, Verb.DEPLOY) for stack in stacks], predecessors)


def text_of(rendered: object) -> str:
    console = Console(width=120)
    with console.capture() as captured:
        console.print(rendered)
    return captured.get()


def row(table: RunTable, stack: str) -> list[str]:
    [line] = [line for line in text_of(table).splitlines() if line.startswith(stack)]
    return line.split()


def test_the_table_follows_the_events() -> None:
    table = RunTable({"data": "applying", "api": "applying"})
    assert row(table, "data") == ["data", "waiting"]
    table.update(StackStarted("data", LOG, TRANSCRIPT))
    assert row(table, "data") == ["data", "planning", "0", "s"]
    table.update(StackPlanned("data", operations=3))
    table.update(ResourceStarted("data", "aws_rds_cluster.main"))
    table.update(ResourceStarted("data", "aws_s3_bucket.later"))
    table.update(ResourceFinished("data", "aws_kms_key.main", planned=True))
    table.update(ResourceFinished("data", "data.aws_region.read", planned=False))
    assert row(table, "data") == [
        "data",
        "applying",
        "1/3",
        "0",
        "s",
        "aws_rds_cluster.main",
        "0",
        "s",
    ]
    table.update(StackFinished("data", State.DONE, 12.4, Changes(3, 0, 0), log=LOG))
    assert row(table, "data") == ["data", "done", "1/3", "12", "s", "+3", "~0", "-0"]
    table.update(StackFinished("api", State.SKIPPED, reason="data failed"))
    assert row(table, "api") == ["api", "skipped", "data", "failed"]


def test_an_interruption_is_said() -> None:
    table = RunTable({"data": "applying"})
    table.update(Interrupted(("data",), forced=False))
    assert "waiting for Terraform to finish cleanly in data" in text_of(table)
    table.update(Interrupted(("data",), forced=True))
    assert "Killed: data" in text_of(table)


def test_elsewhere_than_on_a_terminal_lines_are_written() -> None:
    console = Console(width=40, force_terminal=False)
    shown = display(console, order(data=set()), Showing())
    assert isinstance(shown, LineDisplay)
    events: list[Event] = [
        StackStarted("data", LOG, TRANSCRIPT),
        StackPlanned("data", operations=3),
        StackFinished("data", State.FAILED, 2.0, reason="creating RDS Cluster: quota [DB] reached"),
    ]
    with console.capture() as captured, shown:
        for event in events:
            shown(event)
    assert captured.get().splitlines() == [
        "    0 s  data  planning",
        "    0 s  data  applying 3 changes",
        "    0 s  data  failed in 2 s: creating RDS Cluster: quota [DB] reached",
    ]


def test_a_terminal_gets_the_live_table() -> None:
    assert isinstance(
        display(Console(force_terminal=True), order(data=set()), Showing()), LiveDisplay
    )


def test_the_summary_names_failures_logs_and_counts() -> None:
    console = Console(width=80)
    with console.capture() as captured:
        summarize(
            console,
            Verb.DEPLOY,
            [
                StackFinished("zone", State.DONE, 1.0, Changes(1, 0, 0)),
                StackFinished("data", State.FAILED, 1.0, reason="quota [DB] reached", log=LOG),
                StackFinished("api", State.SKIPPED, reason="data failed"),
            ],
        )
    *table, log, counted = captured.get().splitlines()
    cells = [[cell.strip() for cell in line.strip("│").split("│")] for line in table if "│" in line]
    assert cells == [
        ["zone", "done", "1 s", "+1 ~0 -0"],
        ["data", "failed", "1 s", "quota [DB] reached"],
        ["api", "skipped", "", "data failed"],
    ]
    assert log == "log of data: data.log"
    assert counted == "deploy: 1 done, 1 failed, 1 skipped, +1 ~0 -0 resources"


def test_an_order_is_a_tree_of_what_waits_for_what() -> None:
    diamond = order(a=set(), b={"a"}, c={"a"}, d={"a", "b", "c"}, other=set())
    assert text_of(order_tree(diamond, "dev", {"b": "+2 ~0 -0"})).split("\n") == [
        "deploy 5 stacks of dev",
        "├── a",
        "│   ├── b  +2 ~0 -0",
        "│   │   └── d (after c too)",
        "│   └── c",
        "└── other",
        "",
    ]
