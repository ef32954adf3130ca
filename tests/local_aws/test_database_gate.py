"""A user of Aurora's authentication plugin gets into a database with an IAM token, and no other way."""

from __future__ import annotations

import datetime
import getpass
import ssl
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import boto3
import botocore.auth
import pymysql
import pytest

from tests.local_aws.conftest import Client, Database, create_cluster, database_of, policy
from trading.local.local_target import LocalTarget

Record = dict[str, Any]

MAKE_READER = "CREATE USER reader@'%' IDENTIFIED WITH AWSAuthenticationPlugin AS 'RDS' REQUIRE SSL"


@dataclass(frozen=True)
class Login:
    """Somebody with a key, at a database."""

    database: Database
    credentials: tuple[str, str]

    def token(self, user: str = "reader", host: str | None = None, port: int = 3306) -> str:
        # The stubs want the literal name of a service.
        session: Any = boto3.Session(*self.credentials)
        rds = session.client("rds", region_name="us-east-1")
        return str(rds.generate_db_auth_token(host or self.database.address, port, user))

    def as_user(self, user: str, password: str, **options: Any) -> str:
        context = ssl.create_default_context(cafile=str(self.database.authority))
        with (
            pymysql.connect(
                host=self.database.address,
                user=user,
                password=password,
                **{"ssl": context, **options},
            ) as connection,
            connection.cursor() as cursor,
        ):
            cursor.execute("SELECT CURRENT_USER()")
            row = cursor.fetchone()
            assert row
            return str(row[0])


@pytest.fixture(scope="module")
def iam_cluster(client: Client) -> Iterator[Record]:
    rds = client("rds")
    yield create_cluster(rds, "iam-gate", EnableIAMDatabaseAuthentication=True)
    rds.delete_db_cluster(DBClusterIdentifier="iam-gate", SkipFinalSnapshot=True)


@pytest.fixture(scope="module")
def reader(target: LocalTarget, client: Client, iam_cluster: Record) -> Login:
    """Who may connect as ``reader``, a user whom the master has made as on Aurora."""
    database = database_of(target, client, iam_cluster)
    database.query(MAKE_READER)
    database.query(MAKE_READER.replace("CREATE", "ALTER"))
    return Login(database, key_of(client, "gate-reader", iam_cluster, "reader"))


def key_of(client: Client, name: str, cluster: Record, *users: str) -> tuple[str, str]:
    """The key of an IAM user who may connect to a cluster as some users of its database."""
    iam = client("iam")
    iam.create_user(UserName=name)
    prefix = f"arn:aws:rds-db:us-east-1:000000000000:dbuser:{cluster['DbClusterResourceId']}/"
    resources = [prefix + user for user in users]
    allowed = {"Effect": "Allow", "Action": "rds-db:connect", "Resource": resources}
    if users:
        iam.put_user_policy(UserName=name, PolicyName="connect", PolicyDocument=policy(allowed))
    key = iam.create_access_key(UserName=name)["AccessKey"]
    return key["AccessKeyId"], key["SecretAccessKey"]


def test_token_lets_its_user_in(reader: Login) -> None:
    assert reader.as_user("reader", reader.token()) == "reader@%"


def test_large_packets_pass(reader: Login) -> None:
    text = "x" * 3_000_000
    assert reader.database.query(f"SELECT '{text}'") == [(text,)]


def test_database_that_is_not_there_is_told(reader: Login) -> None:
    with pytest.raises(pymysql.err.OperationalError, match="to database 'elsewhere'"):
        reader.as_user("reader", reader.token(), database="elsewhere")


@pytest.mark.parametrize(
    "wrong",
    [
        pytest.param(lambda login: "", id="nothing"),
        pytest.param(lambda login: login.database.password, id="a-password"),
        pytest.param(lambda login: login.token() + "0", id="changed"),
        pytest.param(lambda login: login.token("trader"), id="for-another-user"),
        pytest.param(lambda login: login.token(host="127.0.0.250"), id="for-another-host"),
        pytest.param(lambda login: login.token(port=3307), id="for-another-port"),
        pytest.param(
            lambda login: Login(login.database, (login.credentials[0], "wrong")).token(),
            id="by-a-wrong-secret",
        ),
        pytest.param(
            lambda login: Login(login.database, ("AKIAUNKNOWN000000000", "x")).token(),
            id="by-an-unknown-key",
        ),
    ],
)
def test_anything_else_is_refused(reader: Login, wrong: Callable[[Login], str]) -> None:
    with pytest.raises(pymysql.err.OperationalError, match="Access denied for user 'reader'"):
        reader.as_user("reader", wrong(reader))


def test_token_of_a_quarter_of_an_hour_ago_is_refused(
    reader: Login, monkeypatch: pytest.MonkeyPatch
) -> None:
    def then(**_: Any) -> datetime.datetime:
        now = datetime.datetime.now(datetime.UTC).replace(tzinfo=None)
        return now - datetime.timedelta(minutes=16)

    monkeypatch.setattr(botocore.auth, "get_current_datetime", then)
    with pytest.raises(pymysql.err.OperationalError, match="Access denied"):
        reader.as_user("reader", reader.token())


def test_key_without_the_permission_is_refused(
    client: Client, reader: Login, iam_cluster: Record
) -> None:
    nobody = Login(reader.database, key_of(client, "gate-nobody", iam_cluster))
    other = Login(reader.database, key_of(client, "gate-other", iam_cluster, "writer"))
    for login in (nobody, other):
        with pytest.raises(pymysql.err.OperationalError, match="Access denied"):
            login.as_user("reader", login.token())


def test_token_is_for_users_of_the_plugin_only(
    client: Client, reader: Login, iam_cluster: Record
) -> None:
    """Whatever IAM allows: the master and the server's own administrator have other proofs."""
    administrator = getpass.getuser()
    key = key_of(client, "gate-master", iam_cluster, "trader", administrator)
    login = Login(reader.database, key)
    for user in ("trader", administrator):
        with pytest.raises(pymysql.err.OperationalError, match="Access denied"):
            login.as_user(user, login.token(user))


def test_administrator_of_the_server_has_no_way_in(reader: Login) -> None:
    """The server believes him his name, but on its own socket only."""
    with pytest.raises(pymysql.err.OperationalError, match="Access denied"):
        reader.as_user(getpass.getuser(), "")


def test_token_is_not_read_in_the_clear(reader: Login) -> None:
    with pytest.raises(pymysql.err.OperationalError, match="insecure transport"):
        reader.as_user("reader", reader.token(), ssl=None, ssl_disabled=True)


def test_cluster_without_iam_authentication_takes_no_token(client: Client, reader: Login) -> None:
    rds = client("rds")
    for enabled in (False, True):
        rds.modify_db_cluster(
            DBClusterIdentifier="iam-gate",
            EnableIAMDatabaseAuthentication=enabled,
            ApplyImmediately=True,
        )
        if not enabled:
            with pytest.raises(pymysql.err.OperationalError, match="Access denied"):
                reader.as_user("reader", reader.token())
    assert reader.as_user("reader", reader.token()) == "reader@%"
