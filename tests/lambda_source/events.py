"""Events as API Gateway sends them, and what the function answers."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, cast

from trade_service.handlers.trade_api import ROUTES

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext

REGION = "us-east-1"
HOST_NAME = "api.dev.trading.example.com"
REQUEST_ID = "c6af9ac6-7b61-11e6-9a41-93e8deadbeef"


# A trade's fields as no id and no number of ours looks, to be searched for.
PRIVATE = {
    "client_order_id": "SECRET-ORDER",
    "account": "SECRET-ACCOUNT",
    "symbol": "SECRET.SYMBOL",
    "quantity": "918273.5",
    "price": "645342.25",
    "currency": "XTS",
}


@dataclass(frozen=True)
class InvocationContext:
    """What Lambda passes as the second argument."""

    function_name: str = "trade-api-test"
    memory_limit_in_mb: int = 512
    invoked_function_arn: str = "arn:aws:lambda:us-east-1:123456789012:function:trade-api-test"
    aws_request_id: str = "1b1c6f7e-0000-4000-8000-000000000000"

    def get_remaining_time_in_millis(self) -> int:
        return 30_000


CONTEXT = cast("LambdaContext", InvocationContext())


@dataclass(frozen=True)
class Answer:
    """A proxy response, its body parsed."""

    status: int
    headers: dict[str, str]
    body: dict[str, Any] = field(default_factory=dict)

    @classmethod
    def from_response(cls, response: dict[str, Any]) -> Answer:
        headers = response["headers"]
        assert headers["Content-Type"] == "application/json"
        return cls(response["statusCode"], headers, json.loads(response["body"]))

    @property
    def error_code(self) -> str:
        """The error's code, once the whole error has the promised form."""
        error = self.body["error"]
        assert error["request_id"] == REQUEST_ID
        assert error["message"]
        assert "Traceback" not in json.dumps(self.body)
        code: str = error["code"]
        return code


def proxy_event(
    method: str,
    path: str,
    *,
    body: object = None,
    query: dict[str, str] | None = None,
    raw_body: str | None = None,
    headers: dict[str, str] | None = None,
) -> dict[str, Any]:
    """An event as a REST API's proxy integration sends it.

    https://docs.aws.amazon.com/lambda/latest/dg/services-apigateway.html#apigateway-example-event
    """
    text = raw_body if raw_body is not None else None if body is None else json.dumps(body)
    resource, parameters = resource_of(path)
    return {
        "resource": resource,
        "path": path,
        "httpMethod": method,
        "headers": {"Content-Type": "application/json", "Host": HOST_NAME, **(headers or {})},
        "multiValueHeaders": {"Content-Type": ["application/json"]},
        "queryStringParameters": query,
        "multiValueQueryStringParameters": query and {k: [v] for k, v in query.items()},
        "pathParameters": parameters or None,
        "stageVariables": None,
        "requestContext": {
            "accountId": "123456789012",
            "apiId": "1234567890",
            "httpMethod": method,
            "identity": {"sourceIp": "203.0.113.7", "userAgent": "test"},
            "path": f"/live{path}",
            "protocol": "HTTP/1.1",
            "requestId": REQUEST_ID,
            "requestTimeEpoch": 1583798639428,
            "resourcePath": resource,
            "stage": "live",
        },
        "body": text,
        "isBase64Encoded": False,
    }


def resource_of(path: str) -> tuple[str, dict[str, str]]:
    """The API's resource that a path leads to, and the path's parameters; a literal one goes first."""
    for resource in sorted({resource for _, resource in ROUTES}, key=lambda one: "{" in one):
        pattern = re.sub(r"{(\w+)}", r"(?P<\1>[^/]+)", resource)
        if match := re.fullmatch(pattern, path):
            return resource, match.groupdict()
    return path, {}


def trade_body(**changes: object) -> dict[str, object]:
    return {
        "client_order_id": "order-1",
        "account": "ACC-1",
        "symbol": "AAPL",
        "side": "BUY",
        "quantity": "10.5",
        "price": "187.25",
        "currency": "USD",
        **changes,
    }
