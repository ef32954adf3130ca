"""The outage of a region, as its clients see it."""

from __future__ import annotations

import urllib.error
import urllib.request
from collections.abc import Iterator
from typing import Any

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError

from tests.local_aws.conftest import Client
from tests.local_aws.test_api_gateway import import_certificate
from trading.local.local_target import LocalTarget

OUT = "us-west-2"
ELSEWHERE = "us-east-2"


@pytest.fixture
def outage(target: LocalTarget) -> Iterator[None]:
    target.begin_outage(OUT)
    yield
    target.end_outage(OUT)


def call(target: LocalTarget, service: str, operation: str, region: str) -> Any:
    """Call once: a client of its own accord would ask again for seconds."""
    session: Any = boto3.Session(aws_access_key_id="test", aws_secret_access_key="test")
    client = session.client(
        service,
        region_name=region,
        endpoint_url=target.endpoint_url,
        config=Config(retries={"total_max_attempts": 1}),
    )
    return getattr(client, operation)()


def get(url: str, host: str | None = None) -> int:
    """The status of an unsigned request."""
    request = urllib.request.Request(url, headers={"Host": host} if host else {})
    try:
        with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(request) as answer:
            return int(answer.status)
    except urllib.error.HTTPError as error:
        return error.code


@pytest.mark.parametrize(
    ("service", "operation"),
    [("sqs", "list_queues"), ("ec2", "describe_vpcs"), ("s3", "list_buckets")],
)
def test_calls_of_the_region_are_refused_until_it_recovers(
    target: LocalTarget, outage: None, service: str, operation: str
) -> None:
    with pytest.raises(ClientError) as refused:
        call(target, service, operation, OUT)
    assert refused.value.response["ResponseMetadata"]["HTTPStatusCode"] == 503
    call(target, service, operation, ELSEWHERE)
    target.end_outage(OUT)
    call(target, service, operation, OUT)


def test_apis_of_the_region_are_refused_by_every_address(
    target: LocalTarget, client: Client, name: str
) -> None:
    """An API is reached without a signature that would name a region."""
    apis = {}
    for region in (OUT, ELSEWHERE):
        gateway = client("apigateway", region)
        api = apis[region] = gateway.create_rest_api(name=name)["id"]
        domain = f"{region}.{name}.example.com"
        arn = import_certificate(client, region, domain)
        gateway.create_domain_name(domainName=domain, regionalCertificateArn=arn)
        gateway.create_base_path_mapping(domainName=domain, restApiId=api, stage="v1")

    def statuses(region: str) -> list[int]:
        root = target.endpoint_url
        paths = (
            f"/_aws/execute-api/{apis[region]}/v1/",
            f"/restapis/{apis[region]}/v1/_user_request_/",
        )
        return [
            *(get(root + path) for path in paths),
            get(f"{root}/health", f"{region}.{name}.example.com"),
        ]

    before = statuses(OUT)
    assert 503 not in before
    target.begin_outage(OUT)
    assert statuses(OUT) == [503, 503, 503]
    assert statuses(ELSEWHERE) == before
    target.end_outage(OUT)
    assert statuses(OUT) == before


def test_status_tells_which_regions_are_out(target: LocalTarget, outage: None) -> None:
    assert target.status().outages == [OUT]
    target.end_outage(OUT)
    assert target.status().outages == []


def test_an_outage_is_only_begun_and_ended(target: LocalTarget) -> None:
    assert get(f"{target.endpoint_url}/_ministack/outages/{OUT}") == 405
    assert target.status().outages == []
