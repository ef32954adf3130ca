"""A really started local AWS, in a folder of its own, and clients of it."""

from __future__ import annotations

import itertools
import json
import os
import socket
import ssl
import time
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import boto3
import pymysql
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError

from stacks.paths import PROJECT_ROOT
from trading.local.local_target import LocalTarget

ENGINE = {"Engine": "aurora-mysql", "EngineVersion": "8.0.mysql_aurora.3.08.2"}

Client = Callable[..., Any]


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.fixture(scope="session")
def new_target(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[], LocalTarget]]:
    """Make a target on a free port; all of them share one virtual environment."""
    targets: list[LocalTarget] = []
    with pytest.MonkeyPatch.context() as patch:
        if "TRADING_LOCAL_VENV" not in os.environ:
            patch.setenv("TRADING_LOCAL_VENV", str(PROJECT_ROOT / ".trading" / "local" / "venv"))

        def make() -> LocalTarget:
            patch.setenv("TRADING_LOCAL_PORT", str(free_port()))
            targets.append(LocalTarget(tmp_path_factory.mktemp("local")))
            return targets[-1]

        yield make
        for target in targets:
            target.forget()


@pytest.fixture(scope="session")
def target(new_target: Callable[[], LocalTarget]) -> LocalTarget:
    local = new_target()
    local.up(lambda _: None)
    return local


@pytest.fixture(scope="session")
def client(target: LocalTarget) -> Client:
    """Make a boto3 client of a service: ``client("rds")``, ``client("rds", "us-west-2")``."""
    return clients_of(target)


def clients_of(target: LocalTarget) -> Client:
    # The stubs want the literal name of a service.
    session: Any = boto3.Session(aws_access_key_id="test", aws_secret_access_key="test")
    url = target.endpoint_url

    def make(service: str, region: str = "us-east-1", **options: Any) -> Any:
        return session.client(service, region_name=region, endpoint_url=url, **options)

    return make


@pytest.fixture
def name() -> str:
    """A name that no other test uses."""
    return f"test-{uuid.uuid4().hex[:8]}"


@dataclass(frozen=True)
class Database:
    """How a client reaches a cluster's database."""

    address: str
    user: str
    password: str
    authority: Path

    def query(self, statement: str) -> list[tuple[Any, ...]]:
        context = ssl.create_default_context(cafile=str(self.authority))
        with (
            pymysql.connect(
                host=self.address,
                user=self.user,
                password=self.password,
                database="trading",
                ssl=context,
                autocommit=True,
            ) as connection,
            connection.cursor() as cursor,
        ):
            cursor.execute(statement)
            return list(cursor.fetchall())


def database_of(target: LocalTarget, client: Client, cluster: dict[str, Any]) -> Database:
    """A cluster's database, with the password that its managed secret has now."""
    region = cluster["DBClusterArn"].split(":")[3]
    arn = cluster["MasterUserSecret"]["SecretArn"]
    secret = client("secretsmanager", region).get_secret_value(SecretId=arn)
    login = json.loads(secret["SecretString"])
    authority = target.directory / "data" / "databases" / "certificates" / "ca.pem"
    return Database(cluster["Endpoint"], login["username"], login["password"], authority)


@dataclass(frozen=True)
class DataApi:
    """The Data API of one cluster."""

    client: Any
    arn: str
    secret: str

    def login(self, **others: Any) -> dict[str, Any]:
        return {
            "resourceArn": self.arn,
            "secretArn": self.secret,
            "database": "trading",
            **others,
        }

    def run(self, sql: str, *parameters: dict[str, Any], **others: Any) -> dict[str, Any]:
        return dict(
            self.client.execute_statement(**self.login(**others), sql=sql, parameters=parameters)
        )

    def refusal(
        self, sql: str = "SELECT 1", *parameters: dict[str, Any], **others: Any
    ) -> dict[str, Any]:
        with pytest.raises(ClientError) as caught:
            self.run(sql, *parameters, **others)
        return dict(caught.value.response["Error"])


def data_api_of(client: Client, cluster: dict[str, Any]) -> DataApi:
    region = cluster["DBClusterArn"].split(":")[3]
    # 504 is repeated by SDKs.
    once = Config(retries={"total_max_attempts": 1})
    secret = cluster["MasterUserSecret"]["SecretArn"]
    return DataApi(client("rds-data", region, config=once), cluster["DBClusterArn"], secret)


def create_cluster(rds: Any, identifier: str, **settings: Any) -> dict[str, Any]:
    answer = rds.create_db_cluster(
        DBClusterIdentifier=identifier,
        MasterUsername="trader",
        ManageMasterUserPassword=True,
        DatabaseName="trading",
        **ENGINE,
        **settings,
    )
    return dict(answer["DBCluster"])


def create_function_role(client: Client, name: str, *statements: dict[str, Any]) -> str:
    """A role for functions that allows what the statements say."""
    lambdas = {"Effect": "Allow", "Action": "sts:AssumeRole"}
    trust = {**lambdas, "Principal": {"Service": "lambda.amazonaws.com"}}
    role = client("iam").create_role(RoleName=name, AssumeRolePolicyDocument=policy(trust))["Role"]
    if statements:
        client("iam").put_role_policy(
            RoleName=name, PolicyName="rights", PolicyDocument=policy(*statements)
        )
    return str(role["Arn"])


def policy(*statements: dict[str, Any]) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": statements})


def create_key(client: Client, region: str = "us-east-1") -> str:
    return str(client("kms", region).create_key()["KeyMetadata"]["Arn"])


@pytest.fixture
def cluster(client: Client, name: str) -> Iterator[dict[str, Any]]:
    """A cluster that the test may delete itself."""
    rds = client("rds")
    yield create_cluster(rds, name)
    if any(c["DBClusterIdentifier"] == name for c in rds.describe_db_clusters()["DBClusters"]):
        rds.delete_db_cluster(DBClusterIdentifier=name, SkipFinalSnapshot=True)


@pytest.fixture
def database(target: LocalTarget, client: Client, cluster: dict[str, Any]) -> Database:
    return database_of(target, client, cluster)


def server_process(target: LocalTarget, cluster: dict[str, Any]) -> int:
    """The process of a cluster's database."""
    account, region = cluster["DBClusterArn"].split(":")[4:2:-1]
    folder = target.directory / "data" / "databases" / "clusters" / account / region
    pid_file: Path = folder / cluster["DBClusterIdentifier"] / "data" / "mariadbd.pid"
    return int(pid_file.read_text())


def eventually(condition: Callable[[], bool], seconds: float = 10) -> bool:
    """Whether a condition comes true in time."""
    deadline = time.monotonic() + seconds
    for _ in itertools.count():
        if condition():
            return True
        if time.monotonic() > deadline:
            return False
        time.sleep(0.05)
    return False
