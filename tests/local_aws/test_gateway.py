"""The emulator's front door."""

from __future__ import annotations

import uuid
from typing import Any

from tests.local_aws.conftest import Client


def _same_call(client: Any) -> None:
    """Make all requests of a client attempts of one SDK call."""
    call = str(uuid.uuid4())

    def name_call(request: Any, **_: Any) -> None:
        request.headers["amz-sdk-invocation-id"] = call

    client.meta.events.register("before-send", name_call)


def test_repeated_request_gets_the_first_answer(client: Client) -> None:
    api_gateway = client("apigateway")
    _same_call(api_gateway)
    first = api_gateway.create_rest_api(name="once")
    again = api_gateway.create_rest_api(name="once")
    assert again["id"] == first["id"]
    names = [api["name"] for api in client("apigateway").get_rest_apis()["items"]]
    assert names.count("once") == 1
    api_gateway.delete_rest_api(restApiId=first["id"])


def test_another_call_is_carried_out(client: Client) -> None:
    api_gateway = client("apigateway")
    one, other = (api_gateway.create_rest_api(name="twice")["id"] for _ in range(2))
    assert one != other
    for api in (one, other):
        api_gateway.delete_rest_api(restApiId=api)


def test_a_refused_request_is_decided_anew(client: Client) -> None:
    queues = client("sqs")
    _same_call(queues)
    name = f"queue-{uuid.uuid4()}"
    try:
        queues.get_queue_url(QueueName=name)
    except queues.exceptions.QueueDoesNotExist:
        client("sqs").create_queue(QueueName=name)
    assert queues.get_queue_url(QueueName=name)["QueueUrl"].endswith(name)
    client("sqs").delete_queue(QueueUrl=queues.get_queue_url(QueueName=name)["QueueUrl"])
