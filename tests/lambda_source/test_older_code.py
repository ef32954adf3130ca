"""A deployment changes the schema before the code: until then, the code before it must go on working.

That code is taken from the history, as the ZIP it was, with its own dependencies.
"""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
import tarfile
import zipfile
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from trade_service import services
from trade_service.data_access.migrations import MIGRATIONS_FOLDER
from trade_service.handlers import schema_migrator

from stacks.api.lambda_package import build_lambda_package
from tests.lambda_source.events import CONTEXT, Answer, InvocationContext, proxy_event, trade_body

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.lambda_source.conftest import Call

REPOSITORY = Path(__file__).parents[2]
NEWEST = max(MIGRATIONS_FOLDER.glob("*.sql"))

INVOKE = """
import importlib, json, sys, types
sys.path.insert(0, sys.argv[1])
context = types.SimpleNamespace(**json.loads(sys.argv[2]), get_remaining_time_in_millis=lambda: 30_000)
for handler, event in json.load(sys.stdin):
    module = importlib.import_module(f"trade_service.handlers.{handler}")
    print("ANSWER" + json.dumps(module.handler(event, context)))
assert importlib.import_module("trade_service").__file__.startswith(sys.argv[1])
"""


@dataclass(frozen=True)
class OlderCode:
    """The ZIP of before the newest migration, and the migrations that it knows."""

    folder: Path
    migrations: int

    def invoke(self, *calls: tuple[str, object]) -> list[Any]:
        """Call its handlers, by name, in a process of their own."""
        run = subprocess.run(
            [
                *(sys.executable, "-c", INVOKE, str(self.folder)),
                json.dumps(asdict(InvocationContext())),
            ],
            input=json.dumps(calls),
            capture_output=True,
            text=True,
            check=False,
            # What it was deployed with, which knew no users but the cluster's own.
            env={name: text for name, text in os.environ.items() if name != "DATABASE_USER"},
        )
        assert run.returncode == 0, run.stderr
        answers = [line for line in run.stdout.splitlines() if line.startswith("ANSWER")]
        return [json.loads(line.removeprefix("ANSWER")) for line in answers]

    def call(self, method: str, path: str, **parts: Any) -> Answer:
        (response,) = self.invoke(("trade_api", proxy_event(method, path, **parts)))
        return answer(response)


def answer(response: dict[str, Any]) -> Answer:
    """It wrote every header as a list."""
    headers = {name: value for name, (value,) in response["multiValueHeaders"].items()}
    return Answer.from_response({**response, "headers": headers})


def git(*arguments: str) -> bytes:
    return subprocess.run(
        ["git", "-C", str(REPOSITORY), *arguments], check=True, capture_output=True
    ).stdout


@pytest.fixture(scope="module")
def older(tmp_path_factory: pytest.TempPathFactory) -> OlderCode:
    name = NEWEST.relative_to(REPOSITORY)
    try:
        added = git("log", "--diff-filter=A", "--format=%H", "--", str(name)).decode().split()[-1]
        packed = git("archive", f"{added}~1", "src/lambda", "requirements/lambda.txt")
    except (OSError, IndexError, subprocess.CalledProcessError):
        pytest.skip("the history of this checkout does not reach back to the code before")
    folder = tmp_path_factory.mktemp("older")
    with tarfile.open(fileobj=io.BytesIO(packed)) as sources:
        sources.extractall(folder, filter="data")
    package = build_lambda_package(
        sources=folder / "src/lambda",
        lock_file=folder / "requirements/lambda.txt",
        work_folder=folder / "work",
    )
    known = list(folder.glob("src/lambda/trade_service/migrations/*.sql"))
    # As Lambda does.
    with zipfile.ZipFile(package.path) as archive:
        archive.extractall(folder / "task")
    return OlderCode(folder / "task", len(known))


def reconcile() -> int:
    task = {"task": schema_migrator.RECONCILE_POSITIONS}
    corrected: int = schema_migrator.handler(task, CONTEXT)["positions_corrected"]
    return corrected


def test_it_is_older(older: OlderCode) -> None:
    assert 0 < older.migrations < len(list(MIGRATIONS_FOLDER.glob("*.sql")))


def test_it_reads_and_writes_by_the_newer_schema(older: OlderCode, api: Call) -> None:
    written = older.call("POST", "/trades", body=trade_body())
    assert written.status == 201
    again = older.call("POST", "/trades", body=trade_body())
    assert (again.status, again.body) == (200, written.body)
    other = older.call("POST", "/trades", body=trade_body(price="1"))
    assert other.error_code == "client_order_conflict"
    assert older.call("GET", f"/trades/{written.body['trade_id']}").body == written.body
    listed = older.call("GET", "/trades", query={"account": "ACC-1"})
    assert listed.body["trades"] == [written.body]
    assert older.call("GET", "/health").status == 200


def test_both_take_a_trade_of_the_other_for_recorded(older: OlderCode, api: Call) -> None:
    by_older = older.call("POST", "/trades", body=trade_body())
    by_newer = api("POST", "/trades", body=trade_body(client_order_id="order-2"))
    assert (by_older.status, by_newer.status) == (201, 201)
    again = api("POST", "/trades", body=trade_body())
    assert (again.status, again.body["trade_id"]) == (200, by_older.body["trade_id"])
    assert again.body["status"] == "ACCEPTED"
    again = older.call("POST", "/trades", body=trade_body(client_order_id="order-2"))
    assert (again.status, again.body["trade_id"]) == (200, by_newer.body["trade_id"])
    for call in (older.call, api):
        listed = call("GET", "/trades", query={"account": "ACC-1"}).body["trades"]
        assert len(listed) == 2


def test_what_it_recorded_is_in_the_positions_once_they_are_reconciled(
    older: OlderCode, api: Call
) -> None:
    older.call("POST", "/trades", body=trade_body(quantity="3"))
    api("POST", "/trades", body=trade_body(client_order_id="order-2", quantity="4"))
    older.call("POST", "/trades", body=trade_body(client_order_id="order-3", symbol="MSFT"))
    assert quantities(api) == {"AAPL": "4"}
    assert reconcile() == 2
    assert quantities(api) == {"AAPL": "7", "MSFT": "10.5"}
    assert reconcile() == 0


def quantities(api: Callable[..., Answer]) -> dict[str, str]:
    positions = api("GET", "/positions/ACC-1").body["positions"]
    return {position["symbol"]: position["quantity"] for position in positions}


def test_its_migrator_leaves_the_newer_schema_alone(
    older: OlderCode, api: Call, environment: dict[str, str]
) -> None:
    newest = len(list(MIGRATIONS_FOLDER.glob("*.sql")))
    (result,) = older.invoke(("schema_migrator", {}))
    assert result == {
        "applied": [],
        "current": newest,
        "database": environment["DATABASE_NAME"],
    }


def test_a_database_of_its_own_making_is_brought_up_to_date(
    older: OlderCode, unmigrated: Call, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With the rows in it, which get what the newer code asks of every trade."""
    bodies = [trade_body(client_order_id=f"order-{number}") for number in range(3)]
    answers = older.invoke(
        ("schema_migrator", {}),
        *(("trade_api", proxy_event("POST", "/trades", body=body)) for body in bodies),
    )
    assert answers[0]["current"] == older.migrations
    recorded = [answer(response).body for response in answers[1:]]
    assert len(schema_migrator.handler({}, CONTEXT)["applied"]) > 0
    monkeypatch.setenv("DATABASE_USER", "trade_api")
    services.forget()
    assert reconcile() == 1
    assert quantities(unmigrated) == {"AAPL": "31.5"}
    for trade in recorded:
        now = unmigrated("GET", f"/trades/{trade['trade_id']}").body
        assert {**now, **trade} == now
        assert (now["status"], now["cancelled_at"]) == ("ACCEPTED", None)
    cancelled = unmigrated("POST", f"/trades/{recorded[0]['trade_id']}/cancel")
    assert (cancelled.status, quantities(unmigrated)) == (200, {"AAPL": "21"})
