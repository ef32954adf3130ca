"""API Gateway: definitions stay readable when changed; failures look as on AWS."""

from __future__ import annotations

import io
import json
import time
import urllib.error
import urllib.request
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest

from tests.local_aws.conftest import Client, create_function_role
from trading.local.local_target import LocalTarget

Record = dict[str, Any]

SOURCE = """
import json, os, time

CALLS = []

def answer(event, context):
    CALLS.append(event["path"])
    case = event["path"].rsplit("/", 1)[-1]
    if case == "raises":
        raise RuntimeError("the password is hunter2")
    if case == "slow":
        time.sleep(3)
    malformed = {
        "text": "just text",
        "nothing": None,
        "no-status": {"body": "x"},
        "bad-status": {"statusCode": "abc", "body": "x"},
        "bad-body": {"statusCode": 200, "body": {"a": 1}},
        "bad-headers": {"statusCode": 200, "headers": "x"},
    }
    if case in malformed:
        return malformed[case]
    modules = {}
    for module in ("boto3", "dateutil", "cryptography", "ministack", "yaml"):
        try:
            __import__(module)
            modules[module] = True
        except ImportError:
            modules[module] = False
    told = {"calls": len(CALLS), "modules": modules, "environment": dict(os.environ)}
    return {"statusCode": 200, "body": json.dumps(told)}
"""


@dataclass(frozen=True)
class Api:
    """A REST API that sends everything to one function."""

    identifier: str
    resource: str
    url: str
    region: str

    def get(self, path: str, host: str | None = None) -> tuple[int, Record]:
        request = urllib.request.Request(f"{self.url}/{path}")
        if host:
            request.add_header("Host", host)
        try:
            with urllib.request.urlopen(request) as response:
                return response.status, json.load(response)
        except urllib.error.HTTPError as error:
            return error.code, json.load(error)


def code() -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("handler.py", SOURCE)
    return buffer.getvalue()


def create_function(client: Client, name: str, region: str) -> str:
    function = client("lambda", region).create_function(
        FunctionName=name,
        Runtime="python3.12",
        Role=create_function_role(client, name),
        Handler="handler.answer",
        Code={"ZipFile": code()},
        Timeout=10,
    )
    return str(function["FunctionArn"])


def create_api(client: Client, target: LocalTarget, name: str, region: str) -> Api:
    function = create_function(client, name, region)
    gateway = client("apigateway", region)
    api = gateway.create_rest_api(name=name)["id"]
    root = gateway.get_resources(restApiId=api)["items"][0]["id"]
    resource = gateway.create_resource(restApiId=api, parentId=root, pathPart="{proxy+}")["id"]
    method = {"restApiId": api, "resourceId": resource, "httpMethod": "ANY"}
    gateway.put_method(
        **method,
        authorizationType="NONE",
        requestParameters={"method.request.querystring.page": False},
    )
    gateway.put_integration(
        **method,
        type="AWS_PROXY",
        integrationHttpMethod="POST",
        uri=f"arn:aws:apigateway:{region}:lambda:path/2015-03-31/functions/{function}/invocations",
        timeoutInMillis=2000,
    )
    gateway.create_deployment(restApiId=api, stageName="live")
    return Api(api, resource, target.invoke_url(api, "live"), region)


@pytest.fixture(scope="module")
def api(client: Client, target: LocalTarget) -> Api:
    return create_api(client, target, "api-gateway-test", "us-west-2")


def test_function_runs_warm_in_its_own_region(api: Api, target: LocalTarget) -> None:
    first, second = api.get("ok"), api.get("ok")
    assert (first[0], second[0]) == (200, 200)
    assert second[1]["calls"] == first[1]["calls"] + 1
    environment = second[1]["environment"]
    assert environment["AWS_REGION"] == "us-west-2"
    assert environment["AWS_ENDPOINT_URL"] == target.endpoint_url
    assert environment["DATABASE_CA_BUNDLE"].endswith("ca.pem")


def test_function_sees_nothing_of_the_starting_environment(
    client: Client, target: LocalTarget, api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    # The server was started by this process, whose pytest variable must not have reached it.
    assert "PYTEST_CURRENT_TEST" not in api.get("ok")[1]["environment"]


def test_function_sees_the_runtimes_modules_only(api: Api) -> None:
    assert api.get("ok")[1]["modules"] == {
        "boto3": True,
        "dateutil": True,
        "cryptography": False,
        "ministack": False,
        "yaml": False,
    }


@pytest.mark.parametrize(
    "case",
    ["raises", "text", "nothing", "no-status", "bad-status", "bad-body", "bad-headers"],
)
def test_failures_tell_nothing(api: Api, case: str) -> None:
    assert api.get(case) == (502, {"message": "Internal server error"})


def test_integration_times_out(api: Api) -> None:
    start = time.monotonic()
    assert api.get("slow") == (504, {"message": "Endpoint request timed out"})
    assert time.monotonic() - start < 3


def test_patched_numbers_and_flags_keep_their_type(client: Client, api: Api) -> None:
    gateway = client("apigateway", api.region)
    method = {"restApiId": api.identifier, "resourceId": api.resource, "httpMethod": "ANY"}

    def patch(path: str, value: str) -> list[Record]:
        return [{"op": "replace", "path": path, "value": value}]

    gateway.update_method(
        **method,
        patchOperations=patch("/requestParameters/method.request.querystring.page", "true"),
    )
    gateway.update_method(**method, patchOperations=patch("/apiKeyRequired", "false"))
    gateway.update_integration(**method, patchOperations=patch("/timeoutInMillis", "2001"))
    gateway.update_stage(
        restApiId=api.identifier, stageName="live", patchOperations=patch("/tracingEnabled", "true")
    )
    told = gateway.get_method(**method)
    assert told["requestParameters"] == {"method.request.querystring.page": True}
    assert told["apiKeyRequired"] is False
    assert told["methodIntegration"]["timeoutInMillis"] == 2001
    assert gateway.get_stage(restApiId=api.identifier, stageName="live")["tracingEnabled"] is True


def import_certificate(client: Client, region: str, domain: str) -> str:
    acm, route53 = client("acm", region), client("route53")
    arn = acm.request_certificate(DomainName=domain, ValidationMethod="DNS")["CertificateArn"]
    described = acm.describe_certificate(CertificateArn=arn)["Certificate"]
    record = described["DomainValidationOptions"][0]["ResourceRecord"]
    zone = route53.create_hosted_zone(Name=domain, CallerReference=arn)["HostedZone"]["Id"]
    change = {
        "Name": record["Name"],
        "Type": "CNAME",
        "TTL": 60,
        "ResourceRecords": [{"Value": record["Value"]}],
    }
    route53.change_resource_record_sets(
        HostedZoneId=zone,
        ChangeBatch={"Changes": [{"Action": "UPSERT", "ResourceRecordSet": change}]},
    )
    return str(arn)


def test_custom_domain_changes_and_reaches_its_api(
    client: Client, target: LocalTarget, api: Api, name: str
) -> None:
    gateway, host = client("apigateway", api.region), f"api.{name}.example.com"
    created = gateway.create_domain_name(
        domainName=host,
        regionalCertificateArn=import_certificate(client, api.region, host),
        endpointConfiguration={"types": ["REGIONAL"]},
    )
    assert "mutualTlsAuthentication" not in created
    mapping = gateway.create_base_path_mapping(
        domainName=host, basePath="", restApiId=api.identifier, stage="live"
    )
    assert mapping["basePath"] == "(none)"
    assert gateway.get_base_path_mapping(domainName=host, basePath="(none)")["stage"] == "live"

    by_host = Api(api.identifier, api.resource, target.endpoint_url, api.region)
    assert by_host.get("health", host)[1]["environment"]["AWS_REGION"] == api.region

    other = import_certificate(client, api.region, host)
    operation = {"op": "replace", "path": "/regionalCertificateArn", "value": other}
    gateway.update_domain_name(domainName=host, patchOperations=[operation])
    told = gateway.get_domain_name(domainName=host)
    assert told["regionalCertificateArn"] == other
    rename = {"op": "replace", "path": "/basePath", "value": "v1"}
    gateway.update_base_path_mapping(domainName=host, basePath="(none)", patchOperations=[rename])
    assert gateway.get_base_path_mapping(domainName=host, basePath="v1")["stage"] == "live"


def test_tags_are_told_by_the_resources(client: Client, api: Api, name: str) -> None:
    gateway, host = client("apigateway", api.region), f"api.{name}.example.com"
    certificate = import_certificate(client, api.region, host)
    gateway.create_domain_name(domainName=host, regionalCertificateArn=certificate)
    rest_api = f"restapis/{api.identifier}"
    reads: dict[str, Callable[[], Any]] = {
        f"domainnames/{host}": lambda: gateway.get_domain_name(domainName=host),
        rest_api: lambda: gateway.get_rest_api(restApiId=api.identifier),
        f"{rest_api}/stages/live": lambda: gateway.get_stage(
            restApiId=api.identifier, stageName="live"
        ),
    }
    for resource, read in reads.items():
        arn = f"arn:aws:apigateway:{api.region}::/{resource}"
        gateway.tag_resource(resourceArn=arn, tags={"Step": "two", "Gone": "soon"})
        gateway.untag_resource(resourceArn=arn, tagKeys=["Gone"])
        assert read()["tags"] == {"Step": "two"}, resource


def test_shared_domain_reaches_the_region_a_request_is_signed_for(
    client: Client, target: LocalTarget, api: Api, name: str
) -> None:
    host = f"api.{name}.example.com"
    apis = [create_api(client, target, name, "us-east-2"), api]
    for regional in apis:
        gateway = client("apigateway", regional.region)
        certificate = import_certificate(client, regional.region, host)
        gateway.create_domain_name(domainName=host, regionalCertificateArn=certificate)
        gateway.create_base_path_mapping(
            domainName=host, restApiId=regional.identifier, stage="live"
        )
    for regional in apis:
        request = urllib.request.Request(f"{target.endpoint_url}/ok", headers={"Host": host})
        scope = f"test/20260101/{regional.region}/execute-api/aws4_request"
        request.add_header(
            "Authorization",
            f"AWS4-HMAC-SHA256 Credential={scope}, SignedHeaders=host, Signature=0",
        )
        with urllib.request.urlopen(request) as response:
            assert json.load(response)["environment"]["AWS_REGION"] == regional.region
