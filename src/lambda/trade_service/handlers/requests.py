"""A request as API Gateway's proxy integration passes it on.

https://docs.aws.amazon.com/lambda/latest/dg/services-apigateway.html#apigateway-example-event
"""

from __future__ import annotations

import base64
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, TypeVar
from urllib.parse import urlencode

from trade_service.contract.documents import parse_json, parse_query
from trade_service.errors import InvalidRequestError

if TYPE_CHECKING:
    from collections.abc import Mapping

Model = TypeVar("Model")


@dataclass(frozen=True)
class Request:
    """One event, read by what it asks for."""

    event: Mapping[str, Any]

    @property
    def route(self) -> tuple[str, str]:
        """Method and path, as the API's resources name it: `/trades/{trade_id}`."""
        return self.event["httpMethod"], self.event["resource"]

    @property
    def path(self) -> str:
        """The path as the client wrote it."""
        path: str = self.event["path"]
        return path

    @property
    def target(self) -> str:
        """Path and query string, as another region can be asked the same."""
        query = self.event.get("multiValueQueryStringParameters")
        return f"{self.path}?{urlencode(query, doseq=True)}" if query else self.path

    @property
    def request_id(self) -> str:
        """API Gateway's: clients see it in x-amzn-RequestId, operators in the access log."""
        return str(self.event.get("requestContext", {}).get("requestId", ""))

    def header(self, name: str) -> str | None:
        """A header's value, whatever case the client wrote its name in."""
        return self._headers.get(name.lower())

    def parameter(self, name: str) -> str:
        """A part of the path."""
        value: str = self.event["pathParameters"][name]
        return value

    def query(self, model: type[Model]) -> Model:
        """The query string. Raises InvalidRequestError."""
        return parse_query(model, self.event.get("multiValueQueryStringParameters"))

    def body(self, model: type[Model]) -> Model:
        """The body. Raises InvalidRequestError."""
        return parse_json(model, self._text())

    def _text(self) -> str | None:
        body: str | None = self.event.get("body")
        if body is None or not self.event.get("isBase64Encoded"):
            return body
        try:
            return base64.b64decode(body, validate=True).decode()
        except ValueError as error:
            raise InvalidRequestError("the body is not valid base64 or UTF-8") from error

    @cached_property
    def _headers(self) -> dict[str, str]:
        return {name.lower(): value for name, value in (self.event.get("headers") or {}).items()}
