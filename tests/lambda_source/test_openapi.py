"""The API's document: made from the code, valid, and the source of what API Gateway checks."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from functools import partial
from inspect import isclass
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft4Validator
from schemathesis.specs.openapi.definitions import OPENAPI_30
from trade_service import errors
from trade_service.contract.documents import parse_value
from trade_service.contract.operations import OPERATIONS, Operation, errors_of
from trade_service.errors import TradeServiceError
from trade_service.handlers.trade_api import ROUTES as HANDLED
from trade_service.models import PositionPath
from trade_service.trade_id import home_region

from api_reference import openapi
from stacks.api.routes import DRAFT_4, GATEWAY_ERRORS, OPENAPI_FILE, ROUTES, routes
from tests.lambda_source.documented import DOCUMENT, json_schema

# Answered only to what API Gateway does not let through.
BEHIND_THE_GATEWAY = {errors.RouteNotFoundError}
# Without a code of their own.
KINDS_OF_ERRORS = {TradeServiceError, errors.ConfigurationError}
DOCUMENTED = {
    (method.upper(), path): operation
    for path, operations in DOCUMENT["paths"].items()
    for method, operation in operations.items()
}


def nodes(document: Any) -> Iterator[dict[str, Any]]:
    """Every object within a document."""
    if isinstance(document, dict):
        yield document
    for part in document.values() if isinstance(document, dict) else document:
        if isinstance(part, dict | list):
            yield from nodes(part)


def test_the_document_is_what_the_code_makes() -> None:
    made = json.dumps(openapi.document(), indent=2) + "\n"
    assert OPENAPI_FILE.read_text("utf-8") == made, (
        "docs/api/openapi.json is out of date: make openapi"
    )


def test_the_document_is_valid_openapi() -> None:
    Draft4Validator(OPENAPI_30).validate(DOCUMENT)
    identifiers = [operation["operationId"] for operation in DOCUMENTED.values()]
    assert len(set(identifiers)) == len(identifiers)


def test_every_reference_leads_somewhere_and_every_schema_is_used() -> None:
    references = {node["$ref"] for node in nodes(DOCUMENT) if "$ref" in node}
    schemas = {f"#/components/schemas/{name}" for name in DOCUMENT["components"]["schemas"]}
    assert references == schemas


def test_every_schema_is_a_schema() -> None:
    for schema in DOCUMENT["components"]["schemas"].values():
        Draft4Validator.check_schema(json_schema(schema))
    for node in nodes(DOCUMENT):
        if "pattern" in node and "example" in node:
            assert re.fullmatch(node["pattern"], node["example"]), node


def test_the_handler_has_the_routes_of_the_document_and_no_others() -> None:
    assert set(HANDLED) == set(DOCUMENTED)
    assert len(OPERATIONS) == len(DOCUMENTED)


@pytest.mark.parametrize("operation", OPERATIONS, ids=lambda operation: operation.identifier)
def test_the_parameters_of_a_path_are_described(operation: Operation) -> None:
    described = {
        parameter["name"]: parameter
        for parameter in DOCUMENTED[operation.method, operation.path]["parameters"]
        if parameter["in"] == "path"
    }
    assert set(described) == set(re.findall(r"{(\w+)}", operation.path))
    for parameter in described.values():
        assert parameter["required"] is True


PATHS: dict[str, str] = {
    parameter["name"]: parameter["schema"]["pattern"].replace("$", r"\Z")
    for operation in DOCUMENTED.values()
    for parameter in operation["parameters"]
    if parameter["in"] == "path"
}
PARSERS: dict[str, Callable[[str], Any]] = {
    "account": partial(parse_value, PositionPath, "account"),
    # By an expression of its own, which finds the region in it.
    "trade_id": home_region,
}


@pytest.mark.parametrize("name", PATHS)
def test_the_handler_reads_the_paths_that_the_document_admits(name: str) -> None:
    @given(
        text=st.from_regex(PATHS[name]),
        place=st.integers(-6, 60),
        change=st.sampled_from(["", "A", "a", "0", "8", "-", "I", "\n", "\u0661", "/", "."]),
        changed=st.booleans(),
    )
    def agree(text: str, place: int, change: str, changed: bool) -> None:
        if changed:
            # Beyond the text, something is added to it.
            place %= len(text) + 2
            text = f"{text[:place]}{change}{text[place + 1 :]}"
        try:
            PARSERS[name](text)
        except TradeServiceError:
            read = False
        else:
            read = True
        assert read is bool(re.match(PATHS[name], text))

    agree()


def error_classes() -> set[type[TradeServiceError]]:
    found = {one for one in vars(errors).values() if isclass(one)}
    return {one for one in found if issubclass(one, TradeServiceError)}


def test_every_error_that_can_be_answered_is_in_the_document() -> None:
    described = {error for operation in OPERATIONS for error in errors_of(operation)}
    assert described == error_classes() - BEHIND_THE_GATEWAY - KINDS_OF_ERRORS


@pytest.mark.parametrize("operation", OPERATIONS, ids=lambda operation: operation.identifier)
def test_an_operation_names_the_codes_of_its_errors(operation: Operation) -> None:
    responses = DOCUMENTED[operation.method, operation.path]["responses"]
    for error in errors_of(operation):
        response = responses[str(int(error.status))]
        assert f"`{error.code}`: " in response["description"]
        assert response["content"]["application/json"]["schema"]["$ref"].endswith("/Error")
    assert "Retry-After" in responses["503"]["headers"]


def test_no_two_errors_share_a_code() -> None:
    codes = [error.code for error in error_classes() - KINDS_OF_ERRORS]
    assert len(set(codes)) == len(codes)


@pytest.mark.parametrize("operation", OPERATIONS, ids=lambda operation: operation.identifier)
def test_what_the_gateway_answers_by_itself_is_described(operation: Operation) -> None:
    responses = DOCUMENTED[operation.method, operation.path]["responses"]
    for error in GATEWAY_ERRORS:
        # A request is not refused for a body or for parameters where it has none.
        checked = operation.body or operation.parameters or operation.query or operation.reads
        if error.status and (error.status != 400 or checked):
            assert str(error.status) in responses, error


def test_reads_take_a_token_and_writes_answer_with_one() -> None:
    for operation in OPERATIONS:
        described = DOCUMENTED[operation.method, operation.path]
        headers = {each["name"] for each in described["parameters"] if each["in"] == "header"}
        assert headers == ({"Consistency-Token"} if operation.reads else set())
        for status in operation.answers:
            answered = described["responses"][str(int(status))].get("headers", {})
            assert ("Consistency-Token" in answered) is operation.writes


def test_only_health_needs_no_signature() -> None:
    unsigned = {route for route, operation in DOCUMENTED.items() if not operation["security"]}
    assert unsigned == {("GET", "/health")}


def test_the_gateways_routes_are_the_documents() -> None:
    assert {(route.method, route.path) for route in ROUTES} == set(DOCUMENTED)
    for route in ROUTES:
        operation = DOCUMENTED[route.method, route.path]
        assert route.authorization == ("AWS_IAM" if operation["security"] else "NONE")
        assert (route.body is not None) is ("requestBody" in operation)
        required = {each["name"] for each in operation["parameters"] if each["required"]}
        named = {name.rpartition(".")[2] for name in route.parameters}
        assert named == required


def test_the_gateways_models_keep_to_draft_4() -> None:
    """https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-known-issues.html"""
    models = [route.body for route in ROUTES if route.body]
    assert [model.name for model in models] == ["TradeRequest", "TradeBatch"]
    for model in models:
        schema = json.loads(model.schema)
        assert schema["$schema"] == DRAFT_4
        Draft4Validator.check_schema(schema)
        keywords = {
            keyword
            for node in nodes(schema)
            if "type" in node and isinstance(node["type"], str)
            for keyword in node
        }
        assert keywords <= {
            *("$schema", "title", "type", "description", "required", "properties", "items"),
            *("additionalProperties", "minItems", "maxItems", "pattern", "enum"),
        }
        # Expressions that Java reads as Python does.
        for node in nodes(schema):
            assert not re.search(r"\\|\(\?[^!]", str(node.get("pattern", "")))


def test_the_gateways_models_admit_what_the_document_admits() -> None:
    names = {route.body.name: json.loads(route.body.schema) for route in ROUTES if route.body}
    for name, schema in names.items():
        plain = {key: part for key, part in schema.items() if key not in {"$schema", "title"}}
        described = json_schema(DOCUMENT["components"]["schemas"][name])
        assert plain == without_examples(described)


def without_examples(node: Any) -> Any:
    if isinstance(node, list):
        return [without_examples(item) for item in node]
    if not isinstance(node, dict):
        return node
    return {key: without_examples(part) for key, part in node.items() if key != "example"}


def test_another_document_gives_other_routes() -> None:
    changed = json.loads(OPENAPI_FILE.read_text("utf-8"))
    changed["paths"]["/reports"] = {"get": changed["paths"]["/health"]["get"]}
    assert {route.path for route in routes(changed)} - {route.path for route in ROUTES} == {
        "/reports"
    }
