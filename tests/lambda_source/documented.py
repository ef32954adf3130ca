"""The API's document, held against what the function answers."""

from __future__ import annotations

import json
import re
from functools import cache
from typing import TYPE_CHECKING, Any

from jsonschema import Draft4Validator, ValidationError
from jsonschema.validators import extend

from stacks.api.routes import OPENAPI_FILE

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

DOCUMENT: dict[str, Any] = json.loads(OPENAPI_FILE.read_text("utf-8"))


def assert_documented(event: Mapping[str, Any], response: Mapping[str, Any]) -> None:
    """The document has this status for this operation, with this body and these headers."""
    operation = DOCUMENT["paths"].get(event["resource"], {}).get(event["httpMethod"].lower())
    if operation is None:  # API Gateway lets no such request through.
        return
    described = operation["responses"][str(response["statusCode"])]
    schema = described["content"]["application/json"]["schema"]
    validator(json.dumps(schema)).validate(json.loads(response["body"]))
    assert set(response["headers"]) <= {
        "Content-Type",
        "Cache-Control",
        *described.get("headers", {}),
    }


@cache
def validator(schema: str) -> Any:
    """The validator of a schema of the document, given as JSON."""
    return _ExactPatterns(json_schema(json.loads(schema)))


def json_schema(node: Any) -> Any:
    """A schema of the document without what OpenAPI alone knows: references into it, and `nullable`."""
    if isinstance(node, list):
        return [json_schema(item) for item in node]
    if not isinstance(node, dict):
        return node
    if "$ref" in node:
        _, _, name = node["$ref"].rpartition("/")
        return json_schema(DOCUMENT["components"]["schemas"][name])
    converted = {key: json_schema(value) for key, value in node.items() if key != "nullable"}
    return {"anyOf": [converted, {"type": "null"}]} if node.get("nullable") else converted


def _pattern(validator: Any, pattern: str, instance: Any, _: Any) -> Iterator[ValidationError]:
    # JSON Schema's patterns are ECMA's, whose `$` does not match before a last line's end.
    ends = pattern.replace("$", r"\Z")
    if validator.is_type(instance, "string") and not re.search(ends, instance):
        yield ValidationError(f"{instance!r} does not match {pattern!r}")


_ExactPatterns = extend(Draft4Validator, {"pattern": _pattern})
