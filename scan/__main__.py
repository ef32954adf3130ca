"""`python -m scan`: collect the evidence, ask every gate, and hold the answers against what is argued."""

from __future__ import annotations

import sys
import time
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.table import Table

from scan import ledger, table
from scan.collection import Collector
from scan.gates.availability import check_availability
from scan.gates.configuration import check_configuration
from scan.gates.dependencies import check_dependencies
from scan.gates.permissions import check_grammar, check_privileges
from scan.gates.secrets import check_secrets
from scan.gates.workflows import check_workflows
from scan.waivers import judge, read_waivers
from stacks.paths import work_directory
from trading.errors import OperatorError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from scan.findings import Finding, Outcome

console = Console(width=None if sys.stdout.isatty() else 240, emoji=False)


def main(
    plans: Annotated[
        bool, typer.Option(help="Deploy every environment to a local AWS, and scan its plans, too.")
    ] = True,
    record: Annotated[
        bool, typer.Option("--record", help="Write down how much was evaluated, and the table.")
    ] = False,
) -> None:
    """Scan the platform with other people's tools. Exits with 1 for anything that nobody has argued."""
    try:
        passed = scan(plans=plans, record=record)
    except OperatorError as error:
        print(f"error: {error}", file=sys.stderr)  # noqa: T201 - as `trading` does
        raise typer.Exit(1) from error
    raise typer.Exit(0 if passed else 1)


def scan(*, plans: bool, record: bool) -> bool:
    """Whether all that was found is argued, and all that was looked at before was looked at again."""
    if record and not plans:
        raise OperatorError(
            "--record without plans would record less than there is: leave out --no-plans"
        )
    waivers = read_waivers()
    outcomes = _outcomes(plans=plans)
    unjudged = {one.tool for one in outcomes if one.not_run}
    judgement = judge([found for one in outcomes for found in one.findings], waivers, unjudged)
    counts = ledger.counted(outcomes)
    shown = table.rows(outcomes, judgement)
    _show(shown)
    if record:
        ledger.record(counts)
        table.write(shown)
    scopes = {scope for one in outcomes for scope, _ in one.evaluated}
    complaints = _grouped(judgement.failed)
    # Without plans, what only plans show is not found.
    complaints += [f"waived, and not found: {one}" for one in judgement.idle if plans]
    complaints += ledger.complaints(counts, scopes=None if plans else scopes)
    if plans and not table.is_current(shown):
        complaints.append(
            f"the table of {table.PAGE.name} is not of this scan: run `make scan-record`"
        )
    for complaint in complaints:
        console.print(complaint, highlight=False, markup=False, soft_wrap=True)
    for outcome in outcomes:
        for scope, why in outcome.not_run.items():
            console.print(f"{outcome.tool} did not judge {scope}: {why}", highlight=False)
    evaluated, waived = sum(row.evaluated for row in shown), sum(row.waived for row in shown)
    verdict = f"{len(complaints)} to be put right" if complaints else "nothing to be put right"
    console.print(f"{evaluated} evaluated, {waived} waived: {verdict}", highlight=False)
    return not complaints


def _outcomes(*, plans: bool) -> list[Outcome]:
    begun = time.monotonic()

    def tell(what: str) -> None:
        console.print(f"{time.monotonic() - begun:4.0f} s  {what}", highlight=False)

    collector = Collector(work_directory() / "scan", tell)
    evidence = collector.synthesized()
    with ThreadPoolExecutor(2) as pool:
        tree = [pool.submit(check_dependencies), pool.submit(check_workflows)]
        evidence += collector.planned() if plans else []
        tell(
            f"asking the scanners about {sum(len(one.stacks) for one in evidence)} stacks and plans"
        )
        gates = (
            check_configuration,
            check_grammar,
            check_privileges,
            check_availability,
            check_secrets,
        )
        asked = [pool.submit(gate, evidence) for gate in gates]
        return [future.result() for future in (*asked, *tree)]


def _grouped(failed: Sequence[Finding]) -> list[str]:
    """A line for each thing that a tool objects to, wherever it was seen."""
    groups: dict[tuple[str, str, str], list[Finding]] = {}
    for found in failed:
        groups.setdefault((found.tool, found.check, found.subject), []).append(found)
    return [
        f"{tool} {check} {subject}: {every[0].message} ({', '.join(one.scope for one in every)})"
        for (tool, check, subject), every in groups.items()
    ]


def _show(shown: list[table.Row]) -> None:
    printed = Table(*table.HEADINGS)
    for row in shown:
        printed.add_row(*row.cells())
    console.print(printed)


if __name__ == "__main__":
    typer.run(main)
