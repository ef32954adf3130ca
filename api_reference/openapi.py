"""The OpenAPI document of the API; `make openapi` writes it to docs/api.

3.0.3, whose schemas come nearest to the draft 4 that API Gateway knows.
https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-known-issues.html
"""

from __future__ import annotations

import inspect
from http import HTTPStatus
from itertools import groupby
from typing import TYPE_CHECKING, Any

from trade_service.consistency import CONSISTENCY_HEADER
from trade_service.contract.documents import model_fields
from trade_service.contract.operations import OPERATIONS, errors_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from trade_service.contract.documents import Field
    from trade_service.contract.operations import Operation
    from trade_service.errors import TradeServiceError

Node = dict[str, Any]

_TOKEN: Node = {"type": "string", "pattern": "^[A-Za-z0-9_-]{1,200}$"}
_ERROR: Node = {
    "type": "object",
    "description": "Act on the code; the message is for people and may change.",
    "required": ["error"],
    "properties": {
        "error": {
            "type": "object",
            "required": ["code", "message", "request_id"],
            "properties": {
                "code": {"type": "string", "pattern": "^[a-z_]+$"},
                "message": {"type": "string"},
                "request_id": {"type": "string", "description": "As in x-amzn-RequestId."},
                "trade_id": {
                    "type": "string",
                    "description": "Of client_order_conflict: the trade that was recorded.",
                },
                "home_region": {
                    "type": "string",
                    "description": "Of trade_in_other_region: where the trade is held.",
                },
                "url": {
                    "type": "string",
                    "description": "Of trade_in_other_region: where to ask, signed for that region.",
                },
            },
        }
    },
}
# What API Gateway answers by itself: stacks/api/routes.py.
_GATEWAY_ERRORS = {
    HTTPStatus.UNAUTHORIZED: "The request is not signed as it should be.",
    HTTPStatus.FORBIDDEN: "The signature is missing, wrong or expired, or its owner may not call this.",
    HTTPStatus.REQUEST_ENTITY_TOO_LARGE: "The body is above 10 MB.",
    HTTPStatus.TOO_MANY_REQUESTS: "Too many requests: try again after Retry-After.",
    HTTPStatus.GATEWAY_TIMEOUT: "No answer in time. The outcome is unknown, and it is safe to try again.",
}


def document() -> Node:
    """The OpenAPI document."""
    paths: dict[str, Node] = {}
    for operation in OPERATIONS:
        paths.setdefault(operation.path, {})[operation.method.lower()] = _operation(operation)
    models = dict(sorted((model.__name__, _model(model)) for model in _all_models()))
    return {
        "openapi": "3.0.3",
        "info": {
            "title": "Trading API",
            "version": "1",
            "description": "Records trades once, in the region that accepts them. Amounts are decimal"
            " strings, times are UTC to the microsecond. Requests are signed with AWS Signature Version 4"
            " (service execute-api), except for /health.",
        },
        "servers": [
            {
                "url": "https://{name}",
                "description": "The shared name leads to the nearest healthy region, a regional one to its"
                " own.",
                "variables": {"name": {"default": "api.prod.trading.example.com"}},
            }
        ],
        "paths": paths,
        "components": {
            "schemas": {**models, "Error": _ERROR},
            "securitySchemes": {
                "sigv4": {
                    "type": "apiKey",
                    "in": "header",
                    "name": "Authorization",
                    "description": "AWS Signature Version 4.",
                    "x-amazon-apigateway-authtype": "awsSigv4",
                }
            },
        },
    }


def _operation(operation: Operation) -> Node:
    node: Node = {
        "operationId": operation.identifier,
        "summary": operation.summary,
        "description": operation.description,
        "security": [{"sigv4": []}] if operation.signed else [],
        "parameters": list(_parameters(operation)),
        "responses": _responses(operation),
    }
    if operation.body:
        node["requestBody"] = {"required": True, **_json(_reference(operation.body))}
    return node


def _parameters(operation: Operation) -> Iterator[Node]:
    for place, model in (("path", operation.parameters), ("query", operation.query)):
        for field in model_fields(model) if model else ():
            schema = _field(field)
            description = schema.pop("description")
            schema.pop("nullable", None)
            yield {
                "name": field.key,
                "in": place,
                "required": field.required,
                "description": description,
                "schema": schema,
            }
    if operation.reads:
        yield {
            "name": CONSISTENCY_HEADER,
            "in": "header",
            "required": False,
            "description": "From the answer to a write: this read sees that write, and all before it.",
            "schema": _TOKEN,
        }


def _responses(operation: Operation) -> Node:
    responses = {}
    for status, meaning in operation.answers.items():
        responses[str(int(status))] = {
            "description": meaning,
            **({"headers": _written_headers(operation)} if operation.writes else {}),
            **_json(_reference(operation.answer)),
        }
    errors = sorted(errors_of(operation), key=lambda error: error.status)
    for status, group in groupby(errors, key=lambda error: error.status):
        responses[str(int(status))] = _error_response(status, list(group))
    for status, meaning in _GATEWAY_ERRORS.items():
        responses[str(int(status))] = {"description": meaning, **_json(_reference_to("Error"))}
    return dict(sorted(responses.items()))


def _written_headers(operation: Operation) -> Node:
    token = {
        CONSISTENCY_HEADER: {
            "description": "For reads that must see this write.",
            "schema": _TOKEN,
        }
    }
    location = {
        "Location": {
            "description": "The trade's own address, in the region that holds it.",
            "schema": {"type": "string"},
        }
    }
    return {**token, **(location if operation.body and operation.path == "/trades" else {})}


def _error_response(status: HTTPStatus, errors: list[type[TradeServiceError]]) -> Node:
    lines = [f"`{error.code}`: {_sentence(error)}" for error in errors]
    headers = {
        "Retry-After": {"description": "Seconds to wait.", "schema": {"type": "integer"}},
    }
    return {
        "description": "\n\n".join(lines),
        **({"headers": headers} if status is HTTPStatus.SERVICE_UNAVAILABLE else {}),
        **_json(_reference_to("Error")),
    }


def _sentence(error: type[TradeServiceError]) -> str:
    paragraph = inspect.getdoc(error) or ""
    return " ".join(paragraph.split("\n\n")[0].split())


def _all_models() -> Iterator[type]:
    for operation in OPERATIONS:
        for model in (operation.body, operation.answer):
            if model:
                yield from _with_inner(model)


def _with_inner(model: type) -> Iterator[type]:
    yield model
    for field in model_fields(model):
        if field.model:
            yield from _with_inner(field.model)


def _model(model: type) -> Node:
    fields = model_fields(model)
    return {
        "type": "object",
        "description": (inspect.getdoc(model) or "").split("\n\n")[0].replace("\n", " "),
        "required": [field.key for field in fields if field.required],
        "properties": {field.key: _field(field) for field in fields},
        "additionalProperties": False,
    }


def _field(field: Field) -> Node:
    if field.items and field.model:
        return {
            "type": "array",
            "description": field.items.description,
            "minItems": field.items.minimum,
            "maxItems": field.items.maximum,
            "items": _reference(field.model),
        }
    if field.model:
        # Beside `$ref` alone, OpenAPI 3.0 reads nothing.
        reference = _reference(field.model)
        return {"nullable": True, "allOf": [reference]} if field.nullable else reference
    assert field.kind is not None
    return {**field.kind.schema(), **({"nullable": True} if field.nullable else {})}


def _reference(model: type) -> Node:
    return _reference_to(model.__name__)


def _reference_to(name: str) -> Node:
    return {"$ref": f"#/components/schemas/{name}"}


def _json(schema: Node) -> Node:
    return {"content": {"application/json": {"schema": schema}}}
