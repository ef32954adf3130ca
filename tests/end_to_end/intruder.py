"""Somebody whose own code runs in a function, and what he tries."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from botocore.credentials import ReadOnlyCredentials

from tests.end_to_end.conftest import REGION_NAMES, WORKSPACE, Operator
from tests.end_to_end.interruptions import aws
from trading.local.trade_client import TradeClient

REGION = REGION_NAMES[0]
ACCOUNT = "000000000000"
ADMINISTRATOR = ReadOnlyCredentials("test", "test", None)

# What somebody runs who got into a function.
CODE = """
import boto3
from botocore.exceptions import ClientError

def handler(event, context):
    client = boto3.client(event["service"])
    try:
        answer = getattr(client, event["operation"])(**{
            name: value.encode("latin-1") if name.endswith("Blob") else value
            for name, value in event["parameters"].items()
        })
    except ClientError as error:
        return error.response["Error"]["Code"]
    return answer if isinstance(answer, str) else "allowed"
"""


@dataclass(frozen=True)
class Platform:
    """One region, as it is deployed."""

    operator: Operator
    values: Mapping[str, Any]

    def aws(self, service: str) -> Any:
        """A client of the administrator's."""
        return aws(self.operator, service, REGION)

    def client(self, credentials: ReadOnlyCredentials = ADMINISTRATOR) -> TradeClient:
        return TradeClient(self.values["api_invoke_url"], REGION, credentials)

    def user(self, name: str, *methods: str) -> ReadOnlyCredentials:
        """The key of a new user who may call some methods of the API."""
        iam = self.aws("iam")
        iam.create_user(UserName=name)
        api, stage = self.values["api_invoke_url"].rsplit("/", 2)[1:]
        prefix = f"arn:aws:execute-api:{REGION}:{ACCOUNT}:{api}/{stage}/"
        rights = {
            "Effect": "Allow",
            "Action": "execute-api:Invoke",
            "Resource": [prefix + method for method in methods],
        }
        if methods:
            document = json.dumps({"Version": "2012-10-17", "Statement": [rights]})
            iam.put_user_policy(UserName=name, PolicyName="calls", PolicyDocument=document)
        key = iam.create_access_key(UserName=name)["AccessKey"]
        return ReadOnlyCredentials(key["AccessKeyId"], key["SecretAccessKey"], None)

    def invoke(self, function: str, event: Mapping[str, Any]) -> Any:
        # JSON knows no bytes.
        payload = json.dumps(event, default=lambda blob: blob.decode("latin-1"))
        answer = self.aws("lambda").invoke(FunctionName=f"{function}-{WORKSPACE}", Payload=payload)
        return json.load(answer["Payload"])


@dataclass(frozen=True)
class Attempt:
    """A call that somebody tries who got into a function."""

    service: str
    operation: str
    parameters: Mapping[str, Any]


def take_over(platform: Platform, function: str) -> None:
    """Put the intruder's code in place of a function's own."""
    code = io.BytesIO()
    with zipfile.ZipFile(code, "w") as archive:
        archive.writestr("intruder.py", CODE)
    functions, name = platform.aws("lambda"), f"{function}-{WORKSPACE}"
    functions.update_function_code(FunctionName=name, ZipFile=code.getvalue())
    functions.update_function_configuration(FunctionName=name, Handler="intruder.handler")


def attempts_at(platform: Platform) -> dict[str, Attempt]:
    """Calls that would do what they say, if IAM allowed them."""
    bucket = platform.values["artifacts_bucket"]
    key = platform.values["kms_key_arn"]
    s3, kms = platform.aws("s3"), platform.aws("kms")
    other_secret = platform.aws("secretsmanager").create_secret(Name="other", SecretString="x")
    s3.create_bucket(Bucket="other")
    for place, name in ((bucket, "blotters/x"), (bucket, "other/x"), ("other", "blotters/x")):
        s3.put_object(Bucket=place, Key=name, Body=b"x")
    sealed = kms.encrypt(KeyId=key, Plaintext=b"x")["CiphertextBlob"]
    database = platform.aws("rds").describe_db_clusters()["DBClusters"][0]["DBClusterArn"]
    subnet = platform.aws("ec2").describe_subnets()["Subnets"][0]["SubnetId"]
    tag = [{"Key": "intruder", "Value": "was-here"}]
    return {
        "read the database's secret": Attempt(
            "secretsmanager", "get_secret_value", {"SecretId": platform.values["secret_arn"]}
        ),
        "read another secret": Attempt(
            "secretsmanager", "get_secret_value", {"SecretId": other_secret["ARN"]}
        ),
        "read a blotter": _reading(bucket, "blotters/x"),
        "write a blotter": _writing(bucket, "blotters/x"),
        "read another object": _reading(bucket, "other/x"),
        "write another object": _writing(bucket, "other/x"),
        "read from another bucket": _reading("other", "blotters/x"),
        "write to another bucket": _writing("other", "blotters/x"),
        "list the bucket": Attempt("s3", "list_objects_v2", {"Bucket": bucket}),
        "delete a blotter": Attempt("s3", "delete_object", {"Bucket": bucket, "Key": "blotters/y"}),
        "decrypt by itself": Attempt("kms", "decrypt", {"KeyId": key, "CiphertextBlob": sealed}),
        "make data keys by itself": Attempt(
            "kms", "generate_data_key", {"KeyId": key, "KeySpec": "AES_256"}
        ),
        "make a key for itself": Attempt("iam", "create_user", {"UserName": "intruder"}),
        "look for other roles": Attempt("iam", "list_roles", {}),
        "change the database": Attempt(
            "rds", "add_tags_to_resource", {"ResourceName": database, "Tags": tag}
        ),
        "look at the database": Attempt("rds", "describe_db_clusters", {}),
        "call another function": Attempt(
            "lambda", "invoke", {"FunctionName": f"schema-migrator-{WORKSPACE}"}
        ),
        "join the network": Attempt("ec2", "create_network_interface", {"SubnetId": subnet}),
        "hide what it logs": Attempt(
            "logs",
            "put_retention_policy",
            {"logGroupName": f"/aws/lambda/trade-api-{WORKSPACE}", "retentionInDays": 1},
        ),
    }


def _reading(bucket: str, key: str) -> Attempt:
    return Attempt("s3", "get_object", {"Bucket": bucket, "Key": key})


def _writing(bucket: str, key: str) -> Attempt:
    return Attempt("s3", "put_object", {"Bucket": bucket, "Key": key, "Body": "intruder"})
