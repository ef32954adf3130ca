"""What a run keeps and brings back is decided by what is kept and deployed, and by what was said."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping
from types import SimpleNamespace
from typing import Any

import pytest

from tests.local_aws.conftest import Client
from tests.trading.archive.conftest import ELSEWHERE, FIRST, REGION, SECOND, Database, Stack
from tests.trading.conftest import Project
from trading.archive import choice, copies
from trading.archive.choice import Keeping, Restoring, with_keeps, with_restores
from trading.archive.copies import copy_generation
from trading.archive.manifest import Phase
from trading.archive.shelf import Archive, Shelf
from trading.engine import engine as engines
from trading.engine.engine import Engine
from trading.engine.graph import Graph
from trading.engine.order import FRESH, Order, Step, Verb
from trading.errors import OperatorError
from trading.targets import AwsTarget

DATA, API = "data-us-east-1", "api-us-east-1"


@pytest.fixture
def shelf(archive: Archive, client: Client) -> Iterator[Shelf]:
    yield archive.shelf("dev")
    rds = client("rds")
    for snapshot in rds.describe_db_cluster_snapshots()["DBClusterSnapshots"]:
        identifier = snapshot["DBClusterSnapshotIdentifier"]
        if identifier.startswith("archive-dev-"):
            rds.delete_db_cluster_snapshot(DBClusterSnapshotIdentifier=identifier)


@pytest.fixture
def engine(
    project: Project,
    archive: Archive,
    new_archive: Callable[[str], Archive],
    environment: Mapping[str, str],
    monkeypatch: pytest.MonkeyPatch,
) -> Engine:
    """On the local AWS, with a real archive in each region."""
    known = {REGION: archive, ELSEWHERE: new_archive(ELSEWHERE)}

    def archives(_: object, regions: Collection[str]) -> dict[str, Archive]:
        return {region: known[region] for region in regions}

    def synthesized(workspace: str) -> Graph:
        return Graph.read(project.work / workspace / "cdktf.out")

    for module in (choice, copies):
        monkeypatch.setattr(module, "archives", archives)
    monkeypatch.setattr(engines, "synthesize", synthesized)
    for name, value in environment.items():
        if name.startswith("AWS_"):
            monkeypatch.setenv(name, value)
    return Engine("dev", AwsTarget(), parallelism=2)


@pytest.fixture
def kept_twice(stack: Stack) -> Stack:
    stack.keep(FIRST)
    stack.database.query("INSERT INTO trades VALUES (3)")
    stack.keep(SECOND)
    return stack


def order(engine: Engine, verb: Verb, *names: str) -> Order:
    steps = [Step(engine.graph.stacks[name], verb) for name in names]
    return Order(verb, steps, {name: set() for name in names})


def chosen(
    engine: Engine, *stacks: str, fresh: bool = False, generation: str | None = None
) -> Step:
    """What a deploy brings back to the data stack."""
    names = stacks or (DATA,)
    selected = [engine.graph.stacks[name] for name in names]
    restoring = Restoring.of(selected, fresh=fresh, generation=generation)
    steps = with_restores(engine, order(engine, Verb.DEPLOY, *names), restoring).steps
    return next(step for step in steps if step.name == names[0])


def snapshot_of(stack: Stack, generation: str) -> tuple[str, ...]:
    name = stack.shelf.snapshot_name(generation)
    return (
        f"-var=restore_snapshot_identifier=arn:aws:rds:us-east-1:000000000000:cluster-snapshot:{name}",
    )


def deployed(project: Project, database: Database, **others: Any) -> None:
    """As if the cluster were in the state."""
    values = {
        "cluster_identifier": database.identifier,
        "cluster_resource_id": database.described["DbClusterResourceId"],
    }
    cluster = {"type": "aws_rds_cluster", "mode": "managed", "values": values, **others}
    project.deploy_state(DATA)
    project.behave(DATA, show={"values": {"root_module": {"resources": [cluster]}}})


def test_newest_is_restored_unless_told(engine: Engine, kept_twice: Stack) -> None:
    step = chosen(engine)
    assert (step.restore, step.arguments) == (SECOND, snapshot_of(kept_twice, SECOND))
    step = chosen(engine, generation=FIRST)
    assert (step.restore, step.arguments) == (FIRST, snapshot_of(kept_twice, FIRST))
    step = chosen(engine, fresh=True)
    assert (step.restore, step.arguments) == (FRESH, ())
    other = chosen(engine, "data-us-west-2")
    assert (other.restore, other.arguments) == ("", ())


def test_what_cannot_be_chosen_is_told(engine: Engine, kept_twice: Stack) -> None:
    started = kept_twice.shelf.started(SECOND)
    assert started
    unfinished = started.model_copy(update={"generation": "20270101T000000Z"})
    kept_twice.shelf.write_started(unfinished)
    with pytest.raises(OperatorError, match=f"is kept of {DATA}: choose from {SECOND}, {FIRST}$"):
        chosen(engine, generation="20270101T000000Z")
    with pytest.raises(OperatorError, match="--fresh and --from exclude each other"):
        chosen(engine, fresh=True, generation=FIRST)
    with pytest.raises(OperatorError, match="are for data stacks, and none is selected"):
        chosen(engine, API, fresh=True)


def test_what_could_not_be_restored_is_refused(engine: Engine, kept_twice: Stack) -> None:
    name = kept_twice.shelf.snapshot_name(SECOND)
    kept_twice.database.rds.delete_db_cluster_snapshot(DBClusterSnapshotIdentifier=name)
    with pytest.raises(OperatorError, match=f"of generation {SECOND} is gone"):
        chosen(engine)
    assert chosen(engine, generation=FIRST).restore == FIRST
    kept_twice.client("kms").disable_key(KeyId=kept_twice.shelf.archive.kms_key_arn)
    with pytest.raises(
        OperatorError, match=r"archive's key in us-east-1 is Disabled.*; enable arn:"
    ):
        chosen(engine)


def test_living_cluster_is_left_alone(engine: Engine, project: Project, kept_twice: Stack) -> None:
    deployed(project, kept_twice.database)
    step = chosen(engine)
    assert (step.restore, step.arguments) == ("", ())
    assert chosen(engine, fresh=True).restore == ""
    with pytest.raises(OperatorError, match=f"{FIRST} can be restored into a new one only; run"):
        chosen(engine, generation=FIRST)
    resumed = Restoring({DATA: FIRST}, insistent=False)
    [step] = with_restores(engine, order(engine, Verb.DEPLOY, DATA), resumed).steps
    assert step.restore == ""


@pytest.mark.parametrize("phase", [Phase.RESTORING, Phase.DESTROYING])
def test_unfinished_goes_on(
    engine: Engine, project: Project, kept_twice: Stack, phase: Phase
) -> None:
    shelf = kept_twice.shelf
    shelf.stand(FIRST, phase)
    assert chosen(engine).restore == FIRST
    assert chosen(engine, generation=SECOND).restore == SECOND
    deployed(project, kept_twice.database)
    step = chosen(engine)
    assert (step.restore, step.arguments) == (FIRST, ())
    with pytest.raises(OperatorError, match=f"the restore of {DATA} from {FIRST} is under way"):
        chosen(engine, fresh=True)
    with pytest.raises(OperatorError, match=f"{DATA} does not have all its data yet"):
        chosen(engine, API)
    assert chosen(engine, DATA, API).restore == FIRST
    shelf.stand(FIRST, Phase.WHOLE)
    assert chosen(engine, API).restore == ""


def test_cluster_that_was_not_wholly_made_is_made_from_the_snapshot(
    engine: Engine, project: Project, kept_twice: Stack
) -> None:
    kept_twice.shelf.stand(FIRST, Phase.RESTORING)
    deployed(project, kept_twice.database, tainted=True)
    step = chosen(engine)
    assert (step.restore, step.arguments) == (FIRST, snapshot_of(kept_twice, FIRST))


def test_cluster_that_aws_has_lost_is_restored(
    engine: Engine, project: Project, stack: Stack
) -> None:
    gone = Database(stack.client, stack.database.target, {**stack.database.described})
    gone.described["DbClusterResourceId"] = "cluster-lost"
    deployed(project, gone)
    stack.shelf.stand(FIRST, Phase.WHOLE)
    with pytest.raises(OperatorError, match=f"of {DATA} is gone and nothing was kept of it"):
        chosen(engine)
    assert chosen(engine, fresh=True).restore == FRESH
    stack.keep()
    assert chosen(engine).arguments == snapshot_of(stack, FIRST)


def test_lost_region_is_restored_from_its_copy(
    engine: Engine, stack: Stack, monkeypatch: pytest.MonkeyPatch
) -> None:
    copied = SimpleNamespace(environment=SimpleNamespace(archive_copied=True))
    monkeypatch.setattr(choice, "parse_workspace", lambda _: copied)
    manifest = stack.keep()
    assert manifest
    copy_generation(stack.shelf, copies.copy_shelf(engine, REGION), manifest, stack.telling)
    home = stack.shelf.archive
    # As if bringing it home had been cut off: copies of objects, and no manifest.
    stack.s3.delete_object(Bucket=home.bucket, Key=stack.shelf._key(FIRST, "manifest.json"))
    step = chosen(engine)
    assert (step.restore, step.arguments) == (FIRST, snapshot_of(stack, FIRST))


STACKS = ("security-us-east-1", "network-us-east-1", DATA, API, "data-us-west-2")


@pytest.mark.parametrize(
    ("keeping", "kept"),
    [
        (Keeping(), set()),
        (Keeping(keep=True), {"security-us-east-1", DATA, "data-us-west-2"}),
        (Keeping(keep=True, lose=frozenset({DATA})), {"security-us-east-1", "data-us-west-2"}),
    ],
)
def test_data_is_kept_where_it_should(engine: Engine, keeping: Keeping, kept: set[str]) -> None:
    steps = with_keeps(engine, order(engine, Verb.DESTROY, *STACKS), keeping).steps
    assert {step.name for step in steps if step.keep} == kept


def test_what_cannot_be_kept_is_refused(engine: Engine, stack: Stack) -> None:
    destroy = order(engine, Verb.DESTROY, *STACKS)
    for unknown in (API, "data-mars"):
        with pytest.raises(OperatorError, match=f"--lose-data {unknown}: that is no data"):
            with_keeps(engine, destroy, Keeping(lose=frozenset({unknown})))
    stack.client("kms").disable_key(KeyId=stack.shelf.archive.kms_key_arn)
    with pytest.raises(OperatorError, match="the archive's key in us-east-1 is Disabled"):
        with_keeps(engine, destroy, Keeping(keep=True))
    lost = frozenset({DATA, "security-us-east-1"})
    steps = with_keeps(engine, destroy, Keeping(keep=True, lose=lost)).steps
    assert [step.name for step in steps if step.keep] == ["data-us-west-2"]
