"""What the API answers: its routes, and the form of the errors that API Gateway answers by itself."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import Any, Literal

from stacks.paths import PROJECT_ROOT

# Made from the models of the Lambda's sources, which read requests by the same: `make openapi`.
OPENAPI_FILE = PROJECT_ROOT / "docs" / "api" / "openapi.json"
DRAFT_4 = "http://json-schema.org/draft-04/schema#"
NOT_IN_DRAFT_4 = {"example", "nullable"}


@dataclass(frozen=True)
class Model:
    """The JSON Schema of a request body; API Gateway knows draft 4."""

    name: str
    schema: str


@dataclass(frozen=True)
class Route:
    """One method of one path.

    Trades are for callers who sign with their AWS credentials. `query` names the parameters
    without which a request is refused before it costs an invocation.
    """

    method: str
    path: str
    authorization: Literal["AWS_IAM", "NONE"] = "AWS_IAM"
    query: tuple[str, ...] = ()
    body: Model | None = None

    @property
    def label(self) -> str:
        """A name for addresses, such as `get-trades-trade-id`."""
        return re.sub(r"[^a-z]+", "-", f"{self.method}{self.path}".lower()).strip("-")

    @property
    def parameters(self) -> dict[str, bool]:
        """The required parameters in API Gateway's own notation."""
        path = [f"path.{name}" for name in re.findall(r"{(\w+)}", self.path)]
        query = [f"querystring.{name}" for name in self.query]
        return {f"method.request.{parameter}": True for parameter in path + query}

    @property
    def permission_path(self) -> str:
        """Method and path as in the ARN of a call; what a parameter holds is not known before."""
        return self.method + re.sub(r"{\w+}", "*", self.path)


def routes(document: dict[str, Any] | None = None) -> tuple[Route, ...]:
    """The routes of an OpenAPI document; of the API's own, if none is given."""
    document = document or json.loads(OPENAPI_FILE.read_text("utf-8"))
    return tuple(
        _route(document, method, path, operation)
        for path, operations in document["paths"].items()
        for method, operation in operations.items()
    )


def _route(document: dict[str, Any], method: str, path: str, operation: dict[str, Any]) -> Route:
    parameters = [one for one in operation["parameters"] if one["required"]]
    body = operation.get("requestBody")
    return Route(
        method=method.upper(),
        path=path,
        authorization="AWS_IAM" if operation["security"] else "NONE",
        query=tuple(one["name"] for one in parameters if one["in"] == "query"),
        body=_body_model(document, body["content"]["application/json"]["schema"]) if body else None,
    )


def _body_model(document: dict[str, Any], reference: dict[str, str]) -> Model:
    name = reference["$ref"].rpartition("/")[2]
    schema = {"$schema": DRAFT_4, "title": name, **_inlined(document, reference)}
    return Model(name, json.dumps(schema))


def _inlined(document: dict[str, Any], schema: Any) -> Any:
    """A schema as draft 4, without references: those of API Gateway would name its own models."""
    if isinstance(schema, list):
        return [_inlined(document, item) for item in schema]
    if not isinstance(schema, dict):
        return schema
    if "$ref" in schema:
        name = schema["$ref"].rpartition("/")[2]
        return _inlined(document, document["components"]["schemas"][name])
    return {
        key: _inlined(document, value) for key, value in schema.items() if key not in NOT_IN_DRAFT_4
    }


ROUTES = routes()


@dataclass(frozen=True)
class GatewayError:
    """An error that API Gateway answers without asking the function.

    The types: https://docs.aws.amazon.com/apigateway/latest/developerguide/supported-gateway-response-types.html
    A default type (`status` None) stands for all types that are not listed, each with its own status.
    """

    response_type: str
    status: int | None
    code: str
    retry_after_seconds: int | None = None

    @property
    def headers(self) -> dict[str, str]:
        """The response's headers, by API Gateway's names for them."""
        headers = {"Cache-Control": "no-store"}
        if self.retry_after_seconds:
            headers["Retry-After"] = str(self.retry_after_seconds)
        return {f"gatewayresponse.header.{name}": f"'{text}'" for name, text in headers.items()}

    @property
    def body(self) -> str:
        """The same form as the function's own errors.

        `messageString` is the one text that API Gateway documents as quoted and escaped; the reason
        why a body is invalid (`validationErrorString`) quotes the client's input and is not.
        """
        return (
            f'{{"error": {{"code": "{self.code}", "message": $context.error.messageString,'
            ' "request_id": "$context.requestId"}}'
        )


GATEWAY_ERRORS = (
    GatewayError("BAD_REQUEST_BODY", 400, "invalid_request"),
    GatewayError("BAD_REQUEST_PARAMETERS", 400, "invalid_request"),
    GatewayError("UNAUTHORIZED", 401, "unauthorized"),
    GatewayError("ACCESS_DENIED", 403, "access_denied"),
    GatewayError("EXPIRED_TOKEN", 403, "expired_token"),
    GatewayError("INVALID_SIGNATURE", 403, "invalid_signature"),
    # Also the answer to a path or method that does not exist.
    GatewayError("MISSING_AUTHENTICATION_TOKEN", 403, "missing_authentication"),
    GatewayError("WAF_FILTERED", 403, "refused_by_firewall"),
    GatewayError("REQUEST_TOO_LARGE", 413, "request_too_large"),
    GatewayError("THROTTLED", 429, "throttled", retry_after_seconds=1),
    # The outcome is unknown, but a trade is idempotent: it is safe to send it again.
    GatewayError("INTEGRATION_FAILURE", 503, "service_unavailable", retry_after_seconds=5),
    GatewayError("INTEGRATION_TIMEOUT", 504, "timeout", retry_after_seconds=5),
    GatewayError("DEFAULT_4XX", None, "request_refused"),
    GatewayError("DEFAULT_5XX", None, "internal_error"),
)
