"""What a run does to data around Terraform, in this order."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from types import SimpleNamespace

import pytest

from tests.local_aws.conftest import Client
from tests.trading.archive.conftest import ELSEWHERE, FIRST, REGION, SECOND, Stack
from tests.trading.archive.test_choice import (
    DATA,
    chosen,
    deployed,
    engine,
    order,
    shelf,
    snapshot_of,
)
from tests.trading.conftest import Project
from trading.archive import choice, copies, safekeeping
from trading.archive.choice import keep_order
from trading.archive.copies import bring_home, copy_generation, copy_shelf
from trading.archive.manifest import Phase, later
from trading.archive.safekeeping import Safekeeping
from trading.engine.engine import Engine
from trading.engine.order import Verb
from trading.errors import OperatorError

__all__ = ["engine", "shelf"]


@pytest.fixture
def keeping(engine: Engine, stack: Stack, monkeypatch: pytest.MonkeyPatch) -> Callable[[], None]:
    """Do what is done before the data stack is destroyed."""
    monkeypatch.setattr(safekeeping, "archives", lambda *_: {REGION: stack.shelf.archive})
    monkeypatch.setattr(safekeeping, "holdings", lambda *_: stack.holdings)
    [step] = order(engine, Verb.DESTROY, DATA).steps

    def keep() -> None:
        Safekeeping(engine, FIRST).before(replace(step, keep=True), stack.telling.report)

    return keep


@pytest.fixture
def copied(monkeypatch: pytest.MonkeyPatch) -> None:
    """As in prod, whose archive is copied to another region."""
    environment = SimpleNamespace(environment=SimpleNamespace(archive_copied=True))
    for module in (choice, copies):
        monkeypatch.setattr(module, "parse_workspace", lambda _: environment)


def test_destroy_begins_when_all_is_kept(stack: Stack, keeping: Callable[[], None]) -> None:
    keeping()
    standing = stack.shelf.standing()
    assert standing
    assert (standing.phase, standing.generation) == (Phase.DESTROYING, FIRST)


@pytest.mark.parametrize("what", ["a row", "an object"])
def test_written_to_while_the_copy_went_away(
    stack: Stack, keeping: Callable[[], None], monkeypatch: pytest.MonkeyPatch, what: str
) -> None:
    def away(*_: object) -> bool:
        if what == "a row":
            stack.database.query("INSERT INTO trades VALUES (3)")
        else:
            stack.put("later")
        return True

    monkeypatch.setattr(safekeeping, "copy_away", away)
    with pytest.raises(OperatorError, match="written to while its copy went"):
        keeping()
    assert stack.shelf.standing() is None


def test_copy_of_another_content_is_not_taken_for_this_one(
    stack: Stack, engine: Engine, copied: None
) -> None:
    manifest = stack.keep()
    assert manifest
    elsewhere = copy_shelf(engine, REGION)
    copy_generation(stack.shelf, elsewhere, manifest, stack.telling)
    copy_generation(stack.shelf, elsewhere, manifest, stack.telling)
    other = manifest.model_copy(update={"kept_at": manifest.started_at})
    with pytest.raises(OperatorError, match="has another generation"):
        copy_generation(stack.shelf, elsewhere, other, stack.telling)


def test_damaged_generation_comes_home_from_another_region(
    stack: Stack, engine: Engine, copied: None, client: Client
) -> None:
    manifest = stack.keep()
    assert manifest
    copy_generation(stack.shelf, copy_shelf(engine, REGION), manifest, stack.telling)
    name = stack.shelf.snapshot_name(FIRST)
    client("rds", REGION).delete_db_cluster_snapshot(DBClusterSnapshotIdentifier=name)
    step = chosen(engine)
    assert (step.restore, step.arguments) == (FIRST, snapshot_of(stack, FIRST))
    bring_home(engine, stack.shelf, FIRST, stack.telling)
    again = stack.shelf.manifest(FIRST)
    assert again
    assert again.copied_from == ELSEWHERE
    assert again.database
    assert again.database.snapshot_arn in snapshot_of(stack, FIRST)[0]


def test_living_is_not_kept_while_it_is_not_whole(
    engine: Engine, project: Project, stack: Stack
) -> None:
    deployed(project, stack.database)
    assert [step.name for step in keep_order(engine, [REGION]).steps] == [DATA]
    stack.shelf.stand(FIRST, Phase.RESTORING)
    with pytest.raises(OperatorError, match="does not have all its data yet"):
        keep_order(engine, [REGION])


def test_name_of_a_generation_is_later_than_all() -> None:
    assert later(SECOND, None) == SECOND
    assert later(SECOND, FIRST) == SECOND
    assert later(FIRST, "20261231T235959Z") == "20270101T000000Z"
