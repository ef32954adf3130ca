"""Signatures are verified, and policies decide: what ministack's ``AUTH=true`` lacks is corrected."""

from __future__ import annotations

import datetime
import io
import json
import time
import urllib.error
import urllib.request
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import boto3
import botocore.auth
import pytest
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from botocore.exceptions import ClientError

from tests.local_aws.conftest import Client, create_function_role, policy
from trading.local.local_target import LocalTarget

Record = dict[str, Any]

# As the API words it itself.
DENIAL = "You may not."
ADMINISTRATOR = Credentials("test", "test")

# Each protocol of AWS's has names of its own.
AUTHENTICATION_FAILURES = {
    "SignatureDoesNotMatch",
    "InvalidSignatureException",
    "InvalidAccessKeyId",
    "InvalidClientTokenId",
    "UnrecognizedClientException",
}

CALLER = """
import boto3
from botocore.exceptions import ClientError

def handler(event, context):
    client = boto3.client(event["service"])
    try:
        getattr(client, event["operation"])(**event["parameters"])
    except ClientError as error:
        return error.response["Error"]["Code"]
    return "allowed"
"""


@pytest.mark.parametrize(
    "key",
    [
        pytest.param(("test", "wrong"), id="wrong-secret"),
        pytest.param(("AKIAUNKNOWN000000000", "test"), id="unknown-key"),
        pytest.param(("000000000000", "test"), id="number-of-the-account"),
    ],
)
@pytest.mark.parametrize(
    ("service", "operation"),
    [
        ("s3", "list_buckets"),
        ("iam", "list_users"),
        ("rds", "describe_db_clusters"),
        ("secretsmanager", "list_secrets"),
        ("sts", "get_caller_identity"),
    ],
)
def test_caller_who_is_not_the_keys_owner_is_refused(
    target: LocalTarget, key: tuple[str, str], service: str, operation: str
) -> None:
    session: Any = boto3.Session(*key)
    client = session.client(service, region_name="us-east-1", endpoint_url=target.endpoint_url)
    with pytest.raises(ClientError) as caught:
        getattr(client, operation)()
    assert caught.value.response["Error"]["Code"] in AUTHENTICATION_FAILURES


def test_administrator_is_a_user_whom_a_denial_stops(client: Client, name: str) -> None:
    arn = client("sts").get_caller_identity()["Arn"]
    assert arn == "arn:aws:iam::000000000000:user/administrator"
    s3 = client("s3")
    s3.create_bucket(Bucket=name)
    denied = {"Effect": "Deny", "Principal": "*", "Action": "s3:PutObject"}
    everything = f"arn:aws:s3:::{name}/*"
    s3.put_bucket_policy(Bucket=name, Policy=policy({**denied, "Resource": everything}))
    with pytest.raises(ClientError, match="explicit deny"):
        s3.put_object(Bucket=name, Key="x", Body=b"x")


def test_administrator_returns_with_the_state(target: LocalTarget, client: Client) -> None:
    target.down()
    target.up(lambda _: None)
    users = client("iam").list_users()["Users"]
    assert [user["UserName"] for user in users].count("administrator") == 1


def test_plain_http_does_not_count_as_insecure(client: Client, name: str) -> None:
    """A bucket that refuses plain HTTP, as all of AWS's examples do, can be used here."""
    s3 = client("s3")
    s3.create_bucket(Bucket=name)
    denied = {"Effect": "Deny", "Principal": "*", "Action": "s3:*", "Resource": "*"}
    insecure = {"Bool": {"aws:SecureTransport": "false"}}
    s3.put_bucket_policy(Bucket=name, Policy=policy({**denied, "Condition": insecure}))
    s3.put_object(Bucket=name, Key="x", Body=b"x")
    secure = {"Bool": {"aws:SecureTransport": "true"}}
    s3.put_bucket_policy(Bucket=name, Policy=policy({**denied, "Condition": secure}))
    with pytest.raises(ClientError, match="explicit deny"):
        s3.put_object(Bucket=name, Key="x", Body=b"x")


def test_right_to_a_log_groups_streams_is_not_one_to_others(
    target: LocalTarget, client: Client, name: str
) -> None:
    own, other = f"{name}-own", f"{name}-other"
    for group in (own, other):
        client("logs").create_log_group(logGroupName=group)
    writing = {"Effect": "Allow", "Action": ["logs:CreateLogStream", "logs:PutLogEvents"]}
    resource = f"arn:aws:logs:us-east-1:000000000000:log-group:{own}:*"
    credentials = caller(client, name, {**writing, "Resource": resource})
    session: Any = boto3.Session(credentials.access_key, credentials.secret_key)
    logs = session.client("logs", region_name="us-east-1", endpoint_url=target.endpoint_url)
    logs.create_log_stream(logGroupName=own, logStreamName="stream")
    event = {"timestamp": int(time.time() * 1000), "message": "hello"}
    logs.put_log_events(logGroupName=own, logStreamName="stream", logEvents=[event])
    with pytest.raises(ClientError, match="AccessDenied"):
        logs.create_log_stream(logGroupName=other, logStreamName="stream")


@dataclass(frozen=True)
class SignedApi:
    """A REST API in us-east-1 whose only method, ``POST /things``, wants a signature."""

    identifier: str
    endpoint: str

    @property
    def arn(self) -> str:
        return f"arn:aws:execute-api:us-east-1:000000000000:{self.identifier}/live/POST/things"

    def signed(
        self,
        credentials: Credentials,
        *,
        region: str = "us-east-1",
        service: str = "execute-api",
        headers: Mapping[str, str] | None = None,
    ) -> AWSRequest:
        url = f"{self.endpoint}/_aws/execute-api/{self.identifier}/live/things"
        request = AWSRequest("POST", url, data=b'{"side":"BUY"}', headers=dict(headers or {}))
        SigV4Auth(credentials, service, region).add_auth(request)
        return request

    def send(self, request: AWSRequest, body: bytes | None = None) -> tuple[int, str, str]:
        """The status, the kind of error and the message that come back."""
        prepared = urllib.request.Request(
            str(request.url), body or request.data, dict(request.headers.items()), method="POST"
        )
        try:
            with urllib.request.urlopen(prepared) as response:
                return response.status, "", json.load(response)["done"]
        except urllib.error.HTTPError as error:
            answer = {key.lower(): value for key, value in json.load(error).items()}
            return error.code, error.headers["x-amzn-ErrorType"], answer["message"]


@pytest.fixture(scope="module")
def api(target: LocalTarget, client: Client) -> SignedApi:
    gateway = client("apigateway")
    api = gateway.create_rest_api(name="signed")["id"]
    root = gateway.get_resources(restApiId=api)["items"][0]["id"]
    things = gateway.create_resource(restApiId=api, parentId=root, pathPart="things")["id"]
    method = {"restApiId": api, "resourceId": things, "httpMethod": "POST"}
    gateway.put_method(**method, authorizationType="AWS_IAM")
    ok = {"statusCode": "200"}
    gateway.put_integration(
        **method,
        type="MOCK",
        requestTemplates={"application/json": json.dumps({"statusCode": 200})},
    )
    gateway.put_method_response(**method, **ok)
    gateway.put_integration_response(
        **method, **ok, responseTemplates={"application/json": json.dumps({"done": "yes"})}
    )
    gateway.put_gateway_response(
        restApiId=api,
        responseType="ACCESS_DENIED",
        responseTemplates={"application/json": json.dumps({"message": DENIAL})},
    )
    gateway.create_deployment(restApiId=api, stageName="live")
    return SignedApi(api, target.endpoint_url)


def caller(client: Client, name: str, *statements: Record) -> Credentials:
    """The key of a new user."""
    iam = client("iam")
    iam.create_user(UserName=name)
    if statements:
        iam.put_user_policy(UserName=name, PolicyName="calls", PolicyDocument=policy(*statements))
    key = iam.create_access_key(UserName=name)["AccessKey"]
    return Credentials(key["AccessKeyId"], key["SecretAccessKey"])


def invoking(resource: str, effect: str = "Allow") -> Record:
    return {"Effect": effect, "Action": "execute-api:Invoke", "Resource": resource}


def test_signed_call_of_who_may_is_answered(client: Client, api: SignedApi, name: str) -> None:
    for credentials in (ADMINISTRATOR, caller(client, name, invoking(api.arn))):
        assert api.send(api.signed(credentials)) == (200, "", "yes")


def test_unsigned_call_is_refused(api: SignedApi) -> None:
    request = api.signed(ADMINISTRATOR)
    del request.headers["Authorization"]
    kind = "MissingAuthenticationTokenException"
    assert api.send(request) == (403, kind, "Missing Authentication Token")


@pytest.mark.parametrize(
    ("credentials", "kind", "message"),
    [
        (Credentials("test", "wrong"), "InvalidSignatureException", "does not match"),
        (Credentials("AKIAUNKNOWN000000000", "x"), "UnrecognizedClientException", "token"),
        (Credentials("000000000000", "test"), "UnrecognizedClientException", "token"),
        (Credentials("test", "test", "a-token"), "UnrecognizedClientException", "token"),
    ],
)
def test_call_of_somebody_else_is_refused(
    api: SignedApi, credentials: Credentials, kind: str, message: str
) -> None:
    status, told, text = api.send(api.signed(credentials))
    assert (status, told) == (403, kind)
    assert message in text


def test_key_that_was_switched_off_is_refused(client: Client, api: SignedApi, name: str) -> None:
    credentials = caller(client, name, invoking(api.arn))
    client("iam").update_access_key(
        UserName=name, AccessKeyId=credentials.access_key, Status="Inactive"
    )
    assert api.send(api.signed(credentials))[0] == 403


def test_call_without_the_permission_is_refused(client: Client, api: SignedApi, name: str) -> None:
    rights: list[list[Record]] = [
        [],
        [invoking(api.arn.replace("POST", "GET"))],
        [invoking(api.arn.replace(api.identifier, "another"))],
        [invoking("*"), invoking(api.arn, "Deny")],
    ]
    for number, statements in enumerate(rights):
        credentials = caller(client, f"{name}-{number}", *statements)
        assert api.send(api.signed(credentials)) == (403, "AccessDeniedException", DENIAL)


@pytest.mark.parametrize("hashed", [False, True])
def test_changed_body_is_refused(api: SignedApi, hashed: bool) -> None:
    """Also where the request tells a hash of its own, as requests to S3 do."""
    told = "1d9f0dd2c7b8b8a2ad1c8d2fd0f2cfbb1ef3dfe9f6d6b3e0eb9e5cbb6a7a9f10"
    headers = {"X-Amz-Content-SHA256": told} if hashed else {}
    status, kind, _ = api.send(api.signed(ADMINISTRATOR, headers=headers), body=b'{"side":"SELL"}')
    assert (status, kind) == (403, "InvalidSignatureException")


@pytest.mark.parametrize("minutes", [-6, 6])
def test_call_signed_at_another_time_is_refused(
    api: SignedApi, monkeypatch: pytest.MonkeyPatch, minutes: int
) -> None:
    def then(**_: Any) -> datetime.datetime:
        now = datetime.datetime.now(datetime.UTC).replace(tzinfo=None)
        return now + datetime.timedelta(minutes=minutes)

    monkeypatch.setattr(botocore.auth, "get_current_datetime", then)
    status, kind, message = api.send(api.signed(ADMINISTRATOR))
    assert (status, kind) == (403, "InvalidSignatureException")
    assert message.startswith("Signature expired" if minutes < 0 else "Signature not yet current")


@pytest.mark.parametrize(("region", "service"), [("us-west-2", "execute-api"), ("us-east-1", "s3")])
def test_call_signed_for_elsewhere_is_refused(api: SignedApi, region: str, service: str) -> None:
    status, kind, message = api.send(api.signed(ADMINISTRATOR, region=region, service=service))
    assert (status, kind) == (403, "InvalidSignatureException")
    assert message.startswith("Credential should be scoped to")


def test_function_has_the_rights_of_its_role(client: Client, name: str) -> None:
    elsewhere = f"arn:aws:lambda:us-east-1:000000000000:function:{name}-other"
    own = f"arn:aws:lambda:us-east-1:000000000000:function:{name}"
    everything = {"Resource": "*"}
    role = create_function_role(
        client,
        name,
        {"Effect": "Allow", "Action": ["ec2:DescribeVpcs", "ec2:DescribeSubnets"], **everything},
        {
            "Effect": "Deny",
            "Action": "ec2:DescribeVpcs",
            **everything,
            "Condition": {"ArnEquals": {"lambda:SourceFunctionArn": own}},
        },
        {
            "Effect": "Deny",
            "Action": "ec2:DescribeSubnets",
            **everything,
            "Condition": {"ArnEquals": {"lambda:SourceFunctionArn": elsewhere}},
        },
    )
    code = io.BytesIO()
    with zipfile.ZipFile(code, "w") as archive:
        archive.writestr("caller.py", CALLER)
    client("lambda").create_function(
        FunctionName=name,
        Runtime="python3.12",
        Role=role,
        Handler="caller.handler",
        Code={"ZipFile": code.getvalue()},
        Timeout=20,
    )

    def calls(service: str, operation: str) -> str:
        event = {"service": service, "operation": operation, "parameters": {}}
        answer = client("lambda").invoke(FunctionName=name, Payload=json.dumps(event))
        return str(json.load(answer["Payload"]))

    assert calls("ec2", "describe_subnets") == "allowed"
    assert calls("ec2", "describe_vpcs") == "UnauthorizedOperation"
    assert calls("iam", "list_users") == "AccessDenied"
