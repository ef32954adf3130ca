"""`trading archive`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

import typer
from rich.markup import escape

from stacks.settings import ARCHIVE_UNDO_DAYS, REGIONS, parse_workspace
from trading.archive import pruning
from trading.archive.catalogue import Catalogue, read_catalogue
from trading.archive.catalogue import Generation as KeptGeneration
from trading.archive.choice import keep_order
from trading.archive.inspection import Entry
from trading.archive.objects import Kept
from trading.aws import answering
from trading.display import Showing, plural
from trading.engine.engine import Engine
from trading.errors import OperatorError
from trading.foundation import Foundation
from trading.interaction import (
    Asking,
    carry_out,
    confirm,
    console,
    exclusively,
    print_json,
)
from trading.reports.archive import (
    catalogue_json,
    description,
    entries_table,
    generation_json,
    objects_table,
    standing_lines,
    verdict,
)
from trading.state.run_lock import read_run_lock
from trading.targets import TargetName, target
from trading.verbs.options import (
    DEFAULT_PARALLELISM,
    Confirm,
    Environment,
    Json,
    JsonEvents,
    Parallelism,
    Quiet,
    Regions,
    TargetOption,
    Verbose,
    Yes,
)

archive = typer.Typer(
    no_args_is_help=True,
    help="What is kept of the data of environments, and whether it could be brought back.",
)

_NAME = "The moment it was kept, such as 20261122T101500Z."
Generation = Annotated[str, typer.Argument(metavar="GENERATION", help=_NAME)]
AnyGeneration = Annotated[
    str | None, typer.Argument(metavar="[GENERATION]", help=f"{_NAME} None for all.")
]
Generations = Annotated[
    list[str] | None,
    typer.Argument(metavar="[GENERATION]...", help=f"{_NAME} None for what is beyond --keep."),
]


@archive.command("list", epilog="Example: `trading archive list --env prod`, or `--all`")
def list_generations(
    env: Environment = None,
    region: Regions = None,
    every: Annotated[
        bool, typer.Option("--all", help="Every environment that anything is kept of.")
    ] = False,
    target_name: TargetOption = TargetName.AWS,
    json_form: Json = False,
) -> None:
    """List what is kept, region by region: since when, how large, and whether it could be read.

    Exits with 0 also when a generation has a fault, which `trading archive verify` is for; with 1 when
    not all archives could be looked at.
    """
    chosen = target(target_name)
    workspace = None if every else parse_workspace(env).suffix
    engine = (
        Engine(workspace, chosen, DEFAULT_PARALLELISM)
        if workspace
        else Foundation(chosen, DEFAULT_PARALLELISM)
    )
    catalogue = _read(engine, workspace, region)
    if json_form:
        print_json(catalogue_json(catalogue))
    else:
        _show(engine, catalogue, "any environment" if every else engine.workspace)
    catalogue.require_whole()


@archive.command("show", epilog="Example: `trading archive show 20261122T101500Z --env prod`")
def show_generation(
    generation: Generation,
    env: Environment = None,
    region: Regions = None,
    objects: Annotated[
        bool, typer.Option("--objects", help="List every version of every object, too.")
    ] = False,
    target_name: TargetOption = TargetName.AWS,
    json_form: Json = False,
) -> None:
    """Show one generation: its tables, buckets, snapshot and key, who kept it, from which commit."""
    engine = Engine(parse_workspace(env).suffix, target(target_name), DEFAULT_PARALLELISM)
    catalogue = _read(engine, engine.workspace, region)
    entries = [entry for one in catalogue.named([generation]) for entry in one.entries]
    with answering():
        kept = [_inventory(entry) if objects else None for entry in entries]
    if json_form:
        print_json([generation_json(*found) for found in zip(entries, kept, strict=True)])
    else:
        for entry, lines in zip(entries, kept, strict=True):
            console.print(description(entry), highlight=False)
            if lines is not None:
                console.print(objects_table(lines))
            console.print()
    catalogue.require_whole()


@archive.command("verify", epilog="Example: `trading archive verify --env prod --thorough`")
def verify_generations(
    generation: AnyGeneration = None,
    env: Environment = None,
    region: Regions = None,
    thorough: Annotated[
        bool, typer.Option("--thorough", help="Ask S3 for the checksum of every object, too.")
    ] = False,
    target_name: TargetOption = TargetName.AWS,
) -> None:
    """Check what is kept against its manifests: keys, snapshots, inventories, objects, and copies.

    Exits with 0 when all of it could be brought back, 1 when something could not.
    """
    engine = Engine(parse_workspace(env).suffix, target(target_name), DEFAULT_PARALLELISM)
    catalogue = _read(engine, engine.workspace, region)
    found = catalogue.named([generation]) if generation else catalogue.generations
    faults = 0
    for entry in (entry for one in found for entry in one.entries):
        verified = entry.verified(thorough=thorough)
        faults += verified.fault is not None
        console.print(escape(verdict(verified)), highlight=False, soft_wrap=True)
    _tell_not_examined(catalogue)
    if not found and not catalogue.not_examined:
        console.print(f"nothing is kept of {engine.workspace}", highlight=False)
    if faults:
        raise OperatorError(f"{plural(faults, 'fault')} in what is kept of {engine.workspace}")
    catalogue.require_whole()


@archive.command("keep", epilog="Example: `trading archive keep --env prod`, once a day")
def keep_generation(
    env: Environment = None,
    region: Regions = None,
    target_name: TargetOption = TargetName.AWS,
    parallelism: Parallelism = DEFAULT_PARALLELISM,
    json_events: JsonEvents = False,
    quiet: Quiet = False,
    verbose: Verbose = False,
) -> None:
    """Keep what is deployed, and let it live on: what a region that is lost can be brought back from."""
    engine = Engine(parse_workspace(env).suffix, target(target_name), parallelism)
    showing = Showing(json_events, quiet, verbose)
    with exclusively(engine, "archive keep", showing):
        order = keep_order(engine, _known(region))
        if order.steps:
            carry_out(engine, order, showing)
        elif not showing.silent:
            console.print(f"nothing to keep: no data of {engine.workspace} is deployed there")


@archive.command("prune", epilog="Example: `trading archive prune --env prod --keep 3`")
def prune_generations(
    generations: Generations = None,
    env: Environment = None,
    region: Regions = None,
    keep: Annotated[
        int | None,
        typer.Option(
            min=1, help="How many to leave in each region; as the settings say unless given."
        ),
    ] = None,
    target_name: TargetOption = TargetName.AWS,
    yes: Yes = False,
    confirmed: Confirm = None,
) -> None:
    """Remove old and unfinished generations, snapshots and copies too, after asking.

    Never the only copy of what is not deployed. What was cut off is repeated.
    """
    workspace = parse_workspace(env)
    engine = Engine(workspace.suffix, target(target_name), DEFAULT_PARALLELISM)
    if generations and keep:
        raise OperatorError("--keep says how many are left, and names which go: not both at once")
    with exclusively(engine, "archive prune"), answering():
        catalogue = _read(engine, engine.workspace, region)
        _tell_not_examined(catalogue)
        pruning.require_known(catalogue)
        going = (
            pruning.named(engine, catalogue, generations)
            if generations
            else pruning.surplus(
                engine, catalogue, keep or workspace.environment.archive_generations
            )
        )
        if not going:
            console.print(f"nothing of {engine.workspace} is to be pruned", highlight=False)
            return
        _prune(engine, going, Asking(yes, confirmed))


def _prune(engine: Engine, going: Sequence[KeptGeneration], asking: Asking) -> None:
    console.print(entries_table(entry for one in going for entry in one.present))
    console.print(
        f"snapshots are gone at once, objects for good after {ARCHIVE_UNDO_DAYS} days",
        highlight=False,
    )
    what = f"remove {plural(len(going), 'generation')} of {engine.workspace}"
    confirm(what, engine, asking, by_name=engine.data_matters)
    for one in going:
        pruning.remove(one)
        console.print(f"{one.name} of {one.region}: removed", highlight=False)


def _read(engine: Engine, workspace: str | None, regions: Sequence[str] | None) -> Catalogue:
    known = _known(regions)
    with answering():
        return read_catalogue(engine, workspace, known)


def _known(regions: Sequence[str] | None) -> Sequence[str]:
    """The regions that were asked for. Raises OperatorError for one that there is not."""
    known = [region.name for region in REGIONS]
    if unknown := sorted(set(regions or []) - set(known)):
        raise OperatorError(f"there is no region '{unknown[0]}': choose from {', '.join(known)}")
    return regions or []


def _show(engine: Engine, catalogue: Catalogue, whose: str) -> None:
    if holder := read_run_lock(engine.workspace, engine.environment):
        console.print(f"{holder} is at work: what it keeps is unfinished", highlight=False)
    _tell_not_examined(catalogue)
    if catalogue.generations:
        console.print(entries_table(catalogue.entries))
    elif not catalogue.not_examined:
        console.print(f"nothing is kept of {whose}", highlight=False)
    for line in standing_lines(catalogue):
        console.print(line, markup=False, highlight=False, soft_wrap=True)


def _tell_not_examined(catalogue: Catalogue) -> None:
    for place in catalogue.not_examined:
        console.print(f"not looked at: {escape(place)}", highlight=False, soft_wrap=True)


def _inventory(entry: Entry) -> list[Kept]:
    """What a generation has of objects. Raises OperatorError when that cannot be told."""
    if entry.manifest is None:
        return []
    return [Kept.parse(line) for line in entry.shelf.inventory(entry.manifest)]
