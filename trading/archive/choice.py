"""Which data a run keeps and brings back: decided, and refused, before anything is done."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from stacks.settings import RESTORE_SNAPSHOT_VARIABLE, parse_workspace
from trading.advice import command
from trading.archive.archives import archives
from trading.archive.copies import copy_region, copy_shelf
from trading.archive.holdings import DATA, SECURITY, holdings, living_cluster
from trading.archive.restore import unrestorable
from trading.archive.shelf import UnreadableError
from trading.aws import answering, client
from trading.engine.order import FRESH, Order, Step, Verb
from trading.errors import OperatorError
from trading.state.states import stacks_with_state

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping

    from trading.archive.manifest import Manifest
    from trading.archive.shelf import Archive, Shelf
    from trading.engine.engine import Engine
    from trading.engine.graph import Stack


@dataclass(frozen=True)
class Keeping:
    """What the operator asks a destroy to keep (`--keep-data`), and to lose (`--lose-data`)."""

    keep: bool = False
    lose: frozenset[str] = frozenset()


def with_keeps(engine: Engine, order: Order, keeping: Keeping) -> Order:
    """The order with what is kept before it is destroyed. Raises OperatorError when that cannot be."""
    wanted = engine.data_matters or keeping.keep
    holding = {step.name for step in order.steps if step.stack.layer in {DATA, SECURITY}}
    if unknown := sorted(keeping.lose - holding):
        raise OperatorError(f"--lose-data {unknown[0]}: that is no data to be destroyed here")
    steps = [
        replace(step, keep=wanted and step.name in holding and step.name not in keeping.lose)
        for step in order.steps
    ]
    _usable(engine, [step for step in steps if step.keep])
    return replace(order, steps=steps)


def keep_order(engine: Engine, regions: Collection[str]) -> Order:
    """How what is deployed is kept and goes on living; all regions for none. Raises OperatorError."""
    engine.require_same_target()
    existing = stacks_with_state(engine.workspace, engine.environment)
    stacks = [
        stack
        for stack in engine.all_stacks()
        if stack.layer == DATA
        and stack.name in existing
        and (not regions or stack.region in regions)
    ]
    steps = [Step(stack, Verb.KEEP) for stack in stacks]
    found = _usable(engine, steps)
    with answering():
        for stack in stacks:
            _require_whole(engine, stack, found[stack.region or ""].shelf(engine.workspace))
    return Order(Verb.KEEP, steps, {step.name: set() for step in steps})


def _usable(engine: Engine, steps: Collection[Step]) -> dict[str, Archive]:
    """The archives that these steps keep in. Raises OperatorError when nothing could be kept there."""
    regions = {step.stack.region for step in steps if step.stack.region}
    if parse_workspace(engine.workspace).environment.archive_copied:
        regions |= {copy_region(region) for region in regions}
    with answering():
        found = archives(engine, regions) if regions else {}
        for archive in found.values():
            archive.require_usable()
    return found


@dataclass(frozen=True)
class Restoring:
    """What the operator asks a deploy to bring back: a generation, or FRESH for nothing, by stack;
    for those that are not named, the newest. Only an `insistent` one minds what is deployed already.
    """

    wanted: Mapping[str, str] = field(default_factory=dict)
    insistent: bool = True

    @classmethod
    def of(cls, stacks: Collection[Stack], *, fresh: bool, generation: str | None) -> Restoring:
        """The same for all of some stacks. Raises OperatorError for both at once."""
        if fresh and generation:
            raise OperatorError("--fresh and --from exclude each other")
        wanted = FRESH if fresh else generation
        data = [stack.name for stack in stacks if stack.layer == DATA]
        if wanted and not data:
            raise OperatorError("--fresh and --from are for data stacks, and none is selected")
        return cls(dict.fromkeys(data, wanted) if wanted else {})


def with_restores(engine: Engine, order: Order, restoring: Restoring) -> Order:
    """The order with what each data stack brings back. Raises OperatorError when it could not, and for
    what would be built upon data that is not whole.
    """
    data = {step.name: step for step in order.steps if step.stack.layer == DATA}
    # Of its own region alone: another one may be down.
    read = {name for step in order.steps for name in step.stack.dependencies} - data.keys()
    built_upon = [
        stack for stack in engine.all_stacks() if stack.layer == DATA and stack.name in read
    ]
    stacks = (*built_upon, *(step.stack for step in data.values()))
    regions = {stack.region for stack in stacks if stack.region}
    if not regions:
        return order
    with answering(), ThreadPoolExecutor(engine.parallelism) as pool:
        found = archives(engine, regions)
        shelves = {region: archive.shelf(engine.workspace) for region, archive in found.items()}
        for stack in built_upon:
            _require_whole(engine, stack, shelves[stack.region or ""])
        choices = [_Choice(engine, step, shelves, restoring) for step in data.values()]
        chosen = {step.name: step for step in pool.map(_Choice.step, choices)}
    return replace(order, steps=[chosen.get(step.name, step) for step in order.steps])


def _require_whole(engine: Engine, stack: Stack, shelf: Shelf) -> None:
    standing = shelf.standing()
    if standing and standing.unfinished:
        raise OperatorError(
            f"{stack.name} does not have all its data yet ({standing.phase}"
            f" {standing.generation}): run {command(f'deploy {stack.name}', engine.workspace)} first"
        )


class _Choice:
    """What one data stack brings back."""

    def __init__(
        self, engine: Engine, step: Step, shelves: dict[str, Shelf], restoring: Restoring
    ) -> None:
        self._engine, self._step = engine, step
        self._region = step.stack.region or ""
        self._shelf = shelves[self._region]
        self._wanted = restoring.wanted.get(step.name, "")
        self._insistent = restoring.insistent
        self._copied = parse_workspace(engine.workspace).environment.archive_copied

    def step(self) -> Step:
        """The step with it. Raises OperatorError."""
        standing = self._shelf.standing()
        matters = self._wanted or self._copied or self._engine.data_matters
        if not (matters or standing or self._shelf.generations()):
            return self._step
        going_on = standing.generation if standing and standing.unfinished else ""
        held = holdings(self._engine, self._step.stack)
        if living_cluster(client("rds", self._engine.environment, self._region), held):
            self._require_possible(going_on)
            return replace(self._step, restore=going_on)
        if self._wanted == FRESH:
            return replace(self._step, restore=FRESH)
        manifest, home = self._manifest(self._wanted or going_on)
        if manifest is None:
            if held.cluster and not held.tainted:
                raise OperatorError(
                    f"{held.cluster} of {self._step.name} is gone and nothing was kept of it: restore a"
                    " snapshot under this name and `terraform import` it, or say --fresh"
                )
            return self._step
        arguments = self._step.arguments
        if manifest.database:
            arn = self._snapshot_arn(manifest, home)
            arguments = (*arguments, f"-var={RESTORE_SNAPSHOT_VARIABLE}={arn}")
        return replace(self._step, restore=manifest.generation, arguments=arguments)

    def _require_possible(self, going_on: str) -> None:
        if not (self._wanted and self._insistent):
            return
        name = self._step.name
        if self._wanted != FRESH:
            destroy = command(f"destroy {name} --with-dependents", self._engine.workspace)
            raise OperatorError(
                f"{name} is deployed: {self._wanted} can be restored into a new one only;"
                f" run {destroy} first"
            )
        if going_on:
            raise OperatorError(
                f"the restore of {name} from {going_on} is under way: deploy without --fresh to"
                " finish it, or destroy it first"
            )

    def _manifest(self, generation: str) -> tuple[Manifest | None, Shelf]:
        """The generation, or the newest; from another region's archive where this one has none, or has
        not all of it, as when bringing it home was cut off.
        """
        faults: list[OperatorError] = []
        shelves = list(self._shelves())
        for shelf in shelves:
            try:
                # Not `newest()`: an older one is not brought back in place of what cannot be read.
                named = [generation] if generation else shelf.generations()
                manifest = next(filter(None, map(shelf.manifest, named)), None)
                fault = unrestorable(shelf, manifest) if manifest else None
            except UnreadableError as error:
                manifest, fault = None, error
            if manifest and fault is None:
                return manifest, shelf
            faults += [fault] if fault else []
        if faults:
            raise faults[0]
        if generation:
            known = {one.generation for shelf in shelves for one in shelf.manifests()}
            choices = ", ".join(sorted(known, reverse=True)) or "none"
            raise OperatorError(
                f"no generation {generation} is kept of {self._step.name}: choose from {choices}"
            )
        return None, self._shelf

    def _shelves(self) -> Iterator[Shelf]:
        yield self._shelf
        if self._copied:
            yield copy_shelf(self._engine, self._region)

    def _snapshot_arn(self, manifest: Manifest, home: Shelf) -> str:
        """The snapshot in this region: a copy that is elsewhere only is brought here first."""
        assert manifest.database is not None
        if home is self._shelf:
            return manifest.database.snapshot_arn
        account = manifest.database.snapshot_arn.split(":")[4]
        name = self._shelf.snapshot_name(manifest.generation)
        return f"arn:aws:rds:{self._region}:{account}:cluster-snapshot:{name}"


def kept_notes(order: Order) -> dict[str, str]:
    """What is done to the data of each stack of an order, for who is asked."""
    notes = {}
    for step in order.steps:
        if step.verb is Verb.DESTROY and step.stack.layer == DATA:
            notes[step.name] = "its data is kept first" if step.keep else "its data is lost"
        elif step.restore == FRESH:
            notes[step.name] = "starts empty"
        elif step.restore:
            notes[step.name] = f"restores generation {step.restore}"
    return notes
