"""What the API answers: its routes, and the form of the errors that API Gateway answers by itself."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import Literal

from stacks.api.lambda_package import TRADE_SCHEMA_FILE


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

    method: Literal["GET", "POST"]
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


TRADE = Model("Trade", json.dumps(json.loads(TRADE_SCHEMA_FILE.read_text("utf-8"))))

ROUTES = (
    # Route 53's health checks cannot sign.
    Route("GET", "/health", authorization="NONE"),
    Route("POST", "/trades", body=TRADE),
    Route("GET", "/trades", query=("account",)),
    Route("GET", "/trades/{trade_id}"),
)


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
