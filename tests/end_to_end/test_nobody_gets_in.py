"""One region on the local AWS, whose IAM is enforced: who has no right gets nowhere, from outside or within.

One story in order: from outside first; then somebody's own code runs in each function.
"""

from __future__ import annotations

import json
import ssl
import urllib.error
import urllib.request
from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

import pymysql
import pytest
from botocore.credentials import ReadOnlyCredentials
from botocore.exceptions import ClientError

from tests.end_to_end.conftest import WORKSPACE, Operator
from tests.end_to_end.intruder import (
    ACCOUNT,
    REGION,
    Attempt,
    Platform,
    attempts_at,
    take_over,
)

pytestmark = pytest.mark.end_to_end

FUNCTIONS = ("schema-migrator", "trade-api", "trade-reporter")
# Each protocol of AWS's has a name of its own for it.
REFUSALS = {"AccessDenied", "AccessDeniedException", "UnauthorizedOperation"}


@pytest.fixture(scope="module")
def platform(operator: Operator) -> Platform:
    operator.succeeds("foundation", "deploy", "--yes")
    operator.succeeds("deploy", f"api-{REGION}", "--with-dependencies", "--yes")
    return Platform(operator, operator.outputs()[REGION])


def trade(account: str) -> dict[str, str]:
    return {
        "client_order_id": "order",
        "account": account,
        "symbol": "ACME",
        "side": "BUY",
        "quantity": "10",
        "price": "101.25",
        "currency": "USD",
    }


def unsigned(url: str, account: str, **headers: str) -> tuple[int, dict[str, Any]]:
    """The answer to a trade that nobody signed."""
    request = urllib.request.Request(
        f"{url}/trades",
        json.dumps(trade(account)).encode(),
        {"Content-Type": "application/json", **headers},
    )
    with pytest.raises(urllib.error.HTTPError) as refused:
        urllib.request.urlopen(request)
    return refused.value.code, json.load(refused.value)


def assert_nothing_recorded(platform: Platform, account: str) -> None:
    assert platform.client().get_positions(account).body["positions"] == []


def test_a_call_that_nobody_signed_is_refused(platform: Platform) -> None:
    status, body = unsigned(platform.values["api_invoke_url"], "unsigned")
    assert (status, body["error"]["code"]) == (403, "missing_authentication")
    assert_nothing_recorded(platform, "unsigned")


def test_the_domains_are_no_way_around(platform: Platform) -> None:
    domain = urlsplit(platform.values["regional_domain_url"]).hostname
    status, body = unsigned(platform.operator.local.endpoint_url, "domain", Host=str(domain))
    assert (status, body["error"]["code"]) == (403, "missing_authentication")
    assert_nothing_recorded(platform, "domain")


@pytest.mark.parametrize(
    ("account", "credentials", "code"),
    [
        ("wrong-secret", ReadOnlyCredentials("test", "wrong", None), "invalid_signature"),
        ("unknown-key", ReadOnlyCredentials("AKIAUNKNOWN000000000", "x", None), "request_refused"),
        ("account-number", ReadOnlyCredentials(ACCOUNT, "test", None), "request_refused"),
    ],
)
def test_a_call_with_a_wrong_key_is_refused(
    platform: Platform, account: str, credentials: ReadOnlyCredentials, code: str
) -> None:
    answer = platform.client(credentials).post_trade(trade(account))
    assert (answer.status, answer.body["error"]["code"]) == (403, code)
    assert_nothing_recorded(platform, account)


def test_a_key_without_the_permission_is_refused(platform: Platform) -> None:
    stranger = platform.client(platform.user("stranger"))
    answer = stranger.post_trade(trade("stranger"))
    assert (answer.status, answer.body["error"]["code"]) == (403, "access_denied")
    assert stranger.get_positions("stranger").status == 403
    assert_nothing_recorded(platform, "stranger")


def test_who_may_trade_trades_and_who_may_read_reads(platform: Platform) -> None:
    trader = platform.client(platform.user("trader", "POST/trades", "GET/trades/*"))
    recorded = trader.post_trade(trade("trader"))
    assert recorded.status == 201, recorded.body
    reader = platform.client(platform.user("reader", "GET/trades/*", "GET/positions/*"))
    for client in (trader, reader):
        read = client.get_trade(recorded.body["trade_id"])
        assert (read.status, read.body) == (200, recorded.body)
    assert reader.post_trade(trade("reader")).status == 403
    assert reader.cancel_trade(recorded.body["trade_id"]).status == 403
    assert_nothing_recorded(platform, "reader")
    assert trader.get_positions("trader").status == 403


def test_the_other_functions_do_their_work(platform: Platform) -> None:
    """With no more than their roles and their users of the database."""
    migrated = platform.invoke("schema-migrator", {})
    assert migrated["database"] == "trading", migrated
    report = platform.invoke("trade-reporter", {"date": "2026-01-02"})
    assert report["outcome"] == "written", report


# All that a function's role lets its code do, of what is attempted.
RIGHTS = {
    "schema-migrator": {"read the database's secret"},
    "trade-api": set[str](),
    "trade-reporter": {"read a blotter", "write a blotter"},
}

Intruder = Callable[[str, Attempt], Any]


@pytest.fixture(scope="module")
def attempts(platform: Platform) -> dict[str, Attempt]:
    return attempts_at(platform)


@pytest.fixture(scope="module")
def intruder(platform: Platform) -> Intruder:
    """Somebody whose own code runs in each function, as the function."""
    for function in FUNCTIONS:
        take_over(platform, function)
    return lambda function, attempt: platform.invoke(function, vars(attempt))


def test_all_that_is_attempted_can_be_done_by_who_may(
    platform: Platform, attempts: dict[str, Attempt]
) -> None:
    """So that a refusal below is IAM's, not that of a call which fails for anybody."""
    for attempt in attempts.values():
        getattr(platform.aws(attempt.service), attempt.operation)(**attempt.parameters)
    platform.aws("iam").delete_user(UserName="intruder")


@pytest.mark.parametrize("function", FUNCTIONS)
def test_a_function_can_do_its_own_work_and_nothing_else(
    attempts: dict[str, Attempt], intruder: Intruder, function: str
) -> None:
    outcomes = {name: intruder(function, attempt) for name, attempt in attempts.items()}
    allowed = {name for name, outcome in outcomes.items() if outcome == "allowed"}
    assert allowed == RIGHTS[function]
    assert {outcomes[name] for name in outcomes.keys() - allowed} <= REFUSALS, outcomes


@pytest.mark.parametrize("function", FUNCTIONS)
def test_a_function_logs_as_itself_only(intruder: Intruder, function: str) -> None:
    logged = set()
    for other in FUNCTIONS:
        names = {"logGroupName": f"/aws/lambda/{other}-{WORKSPACE}", "logStreamName": function}
        if intruder(function, Attempt("logs", "create_log_stream", names)) == "allowed":
            logged.add(other)
    assert logged == {function}


@pytest.mark.parametrize("function", FUNCTIONS)
def test_a_function_takes_no_other_ones_role(intruder: Intruder, function: str) -> None:
    for other in FUNCTIONS:
        role = f"arn:aws:iam::{ACCOUNT}:role/{other}-{REGION}-{WORKSPACE}"
        taking = Attempt("sts", "assume_role", {"RoleArn": role, "RoleSessionName": "intruder"})
        assert intruder(function, taking) in REFUSALS


def test_nobody_but_lambda_takes_a_functions_role(platform: Platform) -> None:
    """The trust is Lambda's alone: even to whom IAM allows everything."""
    role = f"arn:aws:iam::{ACCOUNT}:role/trade-api-{REGION}-{WORKSPACE}"
    with pytest.raises(ClientError, match="AccessDenied"):
        platform.aws("sts").assume_role(RoleArn=role, RoleSessionName="administrator")


@pytest.mark.parametrize("function", FUNCTIONS)
def test_a_function_is_its_own_user_of_the_database_only(
    platform: Platform, intruder: Intruder, function: str
) -> None:
    host, port = platform.values["writer_endpoint"], platform.values["database_port"]
    authority = platform.operator.local.directory / "data/databases/certificates/ca.pem"
    entered = set()
    for user in ("trade_api", "trade_reporter"):
        parameters = {"DBHostname": host, "Port": port, "DBUsername": user}
        token = intruder(function, Attempt("rds", "generate_db_auth_token", parameters))
        login = {"host": host, "port": port, "user": user, "password": token}
        try:
            context = ssl.create_default_context(cafile=str(authority))
            pymysql.connect(**login, ssl=context).close()
        except pymysql.err.OperationalError as refusal:
            assert "Access denied" in str(refusal)  # noqa: PT017 - the other outcome counts, too
        else:
            entered.add(user)
    assert entered == {function.replace("-", "_")} & {"trade_api", "trade_reporter"}
