"""What a run looks like: in place on a terminal, in lines elsewhere."""

from __future__ import annotations

from pathlib import Path

from rich.console import Console

from trading.display import LineDisplay, LiveDisplay, RunTable, display, summarize
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

LOG = Path("data.log")


def text_of(rendered: object) -> str:
    console = Console(width=120)
    with console.capture() as captured:
        console.print(rendered)
    return captured.get()


def row(table: RunTable, stack: str) -> list[str]:
    [line] = [line for line in text_of(table).splitlines() if line.startswith(stack)]
    return line.split()


def test_the_table_follows_the_events() -> None:
    table = RunTable(["data", "api"], "applying")
    assert row(table, "data") == ["data", "waiting"]
    table.update(StackStarted("data", LOG))
    assert row(table, "data") == ["data", "planning", "0", "s"]
    table.update(StackPlanned("data", operations=3))
    table.update(ResourceStarted("data", "aws_rds_cluster.main"))
    table.update(ResourceStarted("data", "aws_s3_bucket.later"))
    table.update(ResourceFinished("data", "aws_kms_key.main", planned=True))
    table.update(ResourceFinished("data", "data.aws_region.read", planned=False))
    assert row(table, "data") == ["data", "applying", "1/3", "0", "s", "aws_rds_cluster.main"]
    table.update(StackFinished("data", State.DONE, 12.4, Changes(3, 0, 0), log=LOG))
    assert row(table, "data") == ["data", "done", "1/3", "12", "s", "+3", "~0", "-0"]
    table.update(StackFinished("api", State.SKIPPED, reason="data failed"))
    assert row(table, "api") == ["api", "skipped", "data", "failed"]


def test_an_interruption_is_said() -> None:
    table = RunTable(["data"], "applying")
    table.update(Interrupted(("data",), forced=False))
    assert "waiting for Terraform to finish cleanly in data" in text_of(table)
    table.update(Interrupted(("data",), forced=True))
    assert "Killed: data" in text_of(table)


def test_elsewhere_than_on_a_terminal_lines_are_written() -> None:
    console = Console(width=40, force_terminal=False)
    shown = display(console, ["data"], "applying")
    assert isinstance(shown, LineDisplay)
    events: list[Event] = [
        StackStarted("data", LOG),
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
    assert isinstance(display(Console(force_terminal=True), ["data"], "applying"), LiveDisplay)


def test_the_summary_names_failures_logs_and_counts() -> None:
    console = Console(width=60)
    with console.capture() as captured:
        summarize(
            console,
            [
                StackFinished("zone", State.DONE, 1.0, Changes(1, 0, 0)),
                StackFinished("data", State.FAILED, 1.0, reason="quota [DB] reached", log=LOG),
                StackFinished("api", State.SKIPPED, reason="data failed"),
            ],
        )
    assert captured.get().splitlines() == [
        "failed data: quota [DB] reached",
        "  log: data.log",
        "1 done, 1 failed, 1 skipped",
    ]
