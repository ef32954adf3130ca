"""The RDS Data API reaches the clusters' databases and refuses what AWS refuses."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from tests.local_aws.conftest import (
    ENGINE,
    Client,
    DataApi,
    create_cluster,
    data_api_of,
    eventually,
    server_process,
)
from trading.local.local_target import LocalTarget

Record = dict[str, Any]


def parameter(name: str, **value: Any) -> Record:
    return {"name": name, "value": value}


def add_instance(rds: Any, identifier: str) -> None:
    rds.create_db_instance(
        DBInstanceIdentifier=f"{identifier}-writer",
        DBClusterIdentifier=identifier,
        DBInstanceClass="db.r5.large",
        **ENGINE,
    )


@pytest.fixture(scope="module")
def writer(client: Client) -> Iterator[Record]:
    """A cluster with an instance, for tests that leave it as it is."""
    rds = client("rds")
    cluster = create_cluster(rds, "data-api")
    add_instance(rds, "data-api")
    rds.enable_http_endpoint(ResourceArn=cluster["DBClusterArn"])
    yield cluster
    rds.delete_db_instance(DBInstanceIdentifier="data-api-writer", SkipFinalSnapshot=True)
    rds.delete_db_cluster(DBClusterIdentifier="data-api", SkipFinalSnapshot=True)


@pytest.fixture
def data_api(client: Client, writer: Record) -> DataApi:
    return data_api_of(client, writer)


@pytest.fixture
def table(data_api: DataApi) -> Iterator[str]:
    data_api.run("CREATE TABLE trades (id BIGINT AUTO_INCREMENT PRIMARY KEY, name VARCHAR(90))")
    yield "trades"
    data_api.run("DROP TABLE trades")


def test_parameters_are_named_and_typed(data_api: DataApi, table: str) -> None:
    names = ["it's", "100 %", ":last", "Zürich"]
    for value in names:
        inserted = data_api.run(
            "INSERT INTO trades (name) VALUES (:name)", parameter("name", stringValue=value)
        )
        assert inserted["numberOfRecordsUpdated"] == 1
        assert inserted["generatedFields"] == [{"longValue": names.index(value) + 1}]
    data_api.run("INSERT INTO trades (name) VALUES (:name)", parameter("name", isNull=True))
    found = data_api.run(
        "SELECT name, ':no % parameter' FROM trades WHERE id > :last AND id < :last10 -- :none\n"
        "AND name NOT LIKE '%\\%' ORDER BY id",
        parameter("last", longValue=0),
        parameter("last10", longValue=10),
    )
    assert [row[0]["stringValue"] for row in found["records"]] == ["it's", ":last", "Zürich"]
    assert {row[1]["stringValue"] for row in found["records"]} == {":no % parameter"}
    assert found["numberOfRecordsUpdated"] == 0
    binary = data_api.run("SELECT HEX(:bytes)", parameter("bytes", blobValue=b"\x00\xff'"))
    assert binary["records"] == [[{"stringValue": "00FF27"}]]


COLUMNS = {
    "12": ("INT", 4, {"longValue": 12}),
    "CAST(-9223372036854775808 AS SIGNED)": ("BIGINT", -5, {"longValue": -(2**63)}),
    "CAST(18446744073709551615 AS UNSIGNED)": (
        "BIGINT UNSIGNED",
        -5,
        {"stringValue": "18446744073709551615"},
    ),
    "CAST('1.50' AS DECIMAL(10,2))": ("DECIMAL", 3, {"stringValue": "1.50"}),
    "CAST(0.5 AS DOUBLE)": ("DOUBLE", 8, {"doubleValue": 0.5}),
    "CAST('2026-11-22' AS DATE)": ("DATE", 91, {"stringValue": "2026-11-22"}),
    "CAST('01:02:03' AS TIME)": ("TIME", 92, {"stringValue": "01:02:03"}),
    "CAST('2026-11-22 10:15:00.5' AS DATETIME(3))": (
        "DATETIME",
        93,
        {"stringValue": "2026-11-22 10:15:00.500"},
    ),
    "CAST('ab' AS CHAR(9))": ("VARCHAR", 12, {"stringValue": "ab"}),
    "CAST('' AS CHAR(9))": ("VARCHAR", 12, {"stringValue": ""}),
    "CAST('ab' AS BINARY)": ("VARBINARY", -3, {"blobValue": b"ab"}),
    "b'1'": ("VARBINARY", -3, {"blobValue": b"\x01"}),
    "CAST(NULL AS CHAR(9))": ("VARCHAR", 12, {"isNull": True}),
}


def test_values_have_their_columns_types(data_api: DataApi) -> None:
    answer = data_api.run(f"SELECT {', '.join(COLUMNS)}", includeResultMetadata=True)
    metadata = answer["columnMetadata"]
    told = [
        (column["typeName"], column["type"], value)
        for column, value in zip(metadata, answer["records"][0], strict=True)
    ]
    assert told == list(COLUMNS.values())


def test_columns_tell_their_tables(data_api: DataApi, table: str) -> None:
    data_api.run("ALTER TABLE trades ADD COLUMN done BOOLEAN, ADD COLUMN large LONGBLOB")
    data_api.run("INSERT INTO trades (done, large) VALUES (TRUE, 'x')")
    answer = data_api.run(
        "SELECT id AS number, done, large FROM trades", includeResultMetadata=True
    )
    assert answer["records"][0] == [{"longValue": 1}, {"booleanValue": True}, {"blobValue": b"x"}]
    first, second, third = answer["columnMetadata"]
    assert first == {
        "name": "id",
        "label": "number",
        "tableName": "trades",
        "schemaName": "trading",
        "typeName": "BIGINT",
        "type": -5,
        "isAutoIncrement": True,
        "isSigned": True,
        "nullable": 0,
        "precision": 20,
        "scale": 0,
        "arrayBaseColumnType": 0,
        "isCaseSensitive": False,
        "isCurrency": False,
    }
    assert (second["typeName"], third["typeName"], third["nullable"]) == ("BIT", "BLOB", 1)


def test_transaction_commits_or_rolls_back(data_api: DataApi, table: str) -> None:
    client, login = data_api.client, data_api.login()
    owner = {name: login[name] for name in ("resourceArn", "secretArn")}
    for finish, rows in ((client.rollback_transaction, 0), (client.commit_transaction, 1)):
        transaction = client.begin_transaction(**login)["transactionId"]
        data_api.run("INSERT INTO trades VALUES (1, 'x')", transactionId=transaction)
        assert data_api.run("SELECT id FROM trades")["records"] == []
        finish(**owner, transactionId=transaction)
        assert len(data_api.run("SELECT id FROM trades")["records"]) == rows
        assert data_api.refusal(transactionId=transaction)["Code"] == "TransactionNotFoundException"


def test_waiting_statement_holds_nobody_up(data_api: DataApi, table: str) -> None:
    transaction = data_api.client.begin_transaction(**data_api.login())["transactionId"]
    waiting = threading.Thread(
        target=data_api.run, args=("SELECT SLEEP(2)",), kwargs={"transactionId": transaction}
    )
    waiting.start()
    try:
        running = "SELECT id FROM information_schema.processlist WHERE info LIKE 'SELECT SLEEP%'"
        assert eventually(lambda: len(data_api.run(running)["records"]) == 1)
        busy = data_api.refusal(transactionId=transaction)
        assert busy["Code"] == "DatabaseErrorException"
        assert "still running" in busy["Message"]
        assert waiting.is_alive()
    finally:
        waiting.join()


def test_database_and_callers_mistakes_are_told_apart(data_api: DataApi) -> None:
    wrong = data_api.refusal("SELECT * FROM nowhere")
    assert wrong["Code"] == "DatabaseErrorException"
    assert "1146" in wrong["Message"]
    assert data_api.refusal("SELECT 1; SELECT 2")["Code"] == "DatabaseErrorException"
    assert data_api.refusal("SELECT :x")["Message"] == "Cannot find parameter: x"
    array = parameter("x", arrayValue={"longValues": [1]})
    assert "Array" in data_api.refusal("SELECT :x", array)["Message"]
    assert "formatRecordsAs" in data_api.refusal(formatRecordsAs="JSON")["Message"]


def test_large_response_is_refused(data_api: DataApi) -> None:
    limit = 1024 * 1024
    assert data_api.run(f"SELECT REPEAT('x', {limit})")["records"]
    refusal = data_api.refusal(f"SELECT REPEAT('x', {limit}), 1")
    assert refusal["Code"] == "UnsupportedResultException"


def test_login_is_the_secrets(client: Client, data_api: DataApi, name: str) -> None:
    secrets = client("secretsmanager")

    def refusal(text: str) -> Record:
        arn = secrets.create_secret(Name=f"{name}-{hash(text)}", SecretString=text)["ARN"]
        return data_api.refusal(secretArn=arn)

    wrong = refusal('{"username": "trader", "password": "wrong"}')
    assert wrong["Code"] == "DatabaseErrorException"
    assert "Access denied for user 'trader'" in wrong["Message"]
    assert refusal('{"password": "x"}')["Code"] == "InvalidSecretException"
    nowhere = data_api.secret.replace("rds!cluster", "nowhere")
    assert data_api.refusal(secretArn=nowhere)["Code"] == "SecretsErrorException"


def test_endpoint_is_enabled_and_disabled(client: Client, data_api: DataApi) -> None:
    rds = client("rds")

    def told() -> Any:
        clusters = rds.describe_db_clusters(DBClusterIdentifier="data-api")["DBClusters"]
        return clusters[0]["HttpEndpointEnabled"]

    assert told() is True
    assert rds.disable_http_endpoint(ResourceArn=data_api.arn)["HttpEndpointEnabled"] is False
    assert told() is False
    refusal = data_api.refusal()
    assert refusal["Code"] == "HttpEndpointNotEnabledException"
    assert refusal["Message"] == f"HttpEndpoint is not enabled for resource {data_api.arn}"
    assert rds.enable_http_endpoint(ResourceArn=data_api.arn)["HttpEndpointEnabled"] is True
    assert data_api.run("SELECT 1")["records"] == [[{"longValue": 1}]]
    assert data_api.refusal(resourceArn=f"{data_api.arn}-x")["Code"] == refusal["Code"]


def test_only_clusters_of_the_region_are_reached(client: Client, data_api: DataApi) -> None:
    not_enabled = "HttpEndpointNotEnabledException"
    instance = data_api.arn.replace(":cluster:data-api", ":db:data-api-writer")
    assert data_api.refusal(resourceArn=instance)["Code"] == not_enabled
    elsewhere = replace(data_api, client=client("rds-data", "us-west-2"))
    assert elsewhere.refusal()["Code"] == not_enabled


def test_no_writer_no_answer(
    client: Client, target: LocalTarget, cluster: Record, name: str
) -> None:
    rds, data_api = client("rds"), data_api_of(client, cluster)
    rds.enable_http_endpoint(ResourceArn=data_api.arn)
    assert data_api.refusal("CREATE DATABASE x")["Code"] == "DatabaseNotFoundException"
    add_instance(rds, name)
    assert data_api.run("SELECT 1")["records"]
    rds.stop_db_cluster(DBClusterIdentifier=name)
    assert data_api.refusal("CREATE DATABASE x")["Code"] == "DatabaseUnavailableException"
    rds.start_db_cluster(DBClusterIdentifier=name)
    assert data_api.run("SELECT 1")["records"]
    os.kill(server_process(target, cluster), signal.SIGKILL)
    unavailable = "DatabaseUnavailableException"
    assert eventually(lambda: data_api.refusal()["Code"] == unavailable)
    rds.delete_db_instance(DBInstanceIdentifier=f"{name}-writer", SkipFinalSnapshot=True)
