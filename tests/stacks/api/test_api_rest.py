"""The REST API: who may call what, what is refused early, and when it is deployed anew."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from cdktf import App, TerraformStack
from cdktf_cdktf_provider_aws.api_gateway_rest_api import ApiGatewayRestApi
from trade_service.handlers.responses import error_body

from stacks.api.definition import ApiDefinition
from stacks.api.routes import GATEWAY_ERRORS, ROUTES, GatewayError, Model, Route
from stacks.settings import REGIONS, Environment
from tests.stacks.api.conftest import Resources, one
from tests.synthesis import Stacks


def test_only_health_is_open(api: Resources) -> None:
    methods = api["aws_api_gateway_method"]
    open_methods = {name for name, each in methods.items() if each["authorization"] != "AWS_IAM"}
    assert open_methods == {"rest_definition_get_health_method"}
    assert len(methods) == len(ROUTES)


def test_requests_are_validated_before_they_cost_an_invocation(api: Resources) -> None:
    methods = api["aws_api_gateway_method"]
    validator = one(api["aws_api_gateway_request_validator"])
    assert validator["validate_request_body"] is True
    assert validator["validate_request_parameters"] is True
    for method in methods.values():
        assert "aws_api_gateway_request_validator." in method["request_validator_id"]
    models = api["aws_api_gateway_model"]
    schemas = {each["name"]: each["schema"] for each in models.values()}
    assert schemas == {route.body.name: route.body.schema for route in ROUTES if route.body}
    for route in ROUTES:
        method = methods[f"rest_definition_{route.label.replace('-', '_')}_method"]
        assert method.get("request_parameters", {}) == route.parameters
        if route.body is None:
            assert "request_models" not in method
        else:
            (address,) = (key for key, each in models.items() if each["name"] == route.body.name)
            name = f"${{aws_api_gateway_model.{address}.name}}"
            assert method["request_models"] == {"application/json": name}


def test_each_route_asks_for_what_it_cannot_do_without() -> None:
    assert {f"{route.method} {route.path}": route.parameters for route in ROUTES} == {
        "GET /health": {},
        "POST /trades": {},
        "GET /trades": {"method.request.querystring.account": True},
        "POST /trades/batch": {},
        "GET /trades/{trade_id}": {"method.request.path.trade_id": True},
        "POST /trades/{trade_id}/cancel": {"method.request.path.trade_id": True},
        "GET /positions/{account}": {"method.request.path.account": True},
    }


def test_a_part_of_a_path_is_made_once_below_its_parent(api: Resources) -> None:
    resources = api["aws_api_gateway_resource"]
    root = "${aws_api_gateway_rest_api.rest_api.root_resource_id}"

    def path(reference: str) -> str:
        if reference == root:
            return ""
        resource = resources[reference.split(".")[1]]
        return f"{path(resource['parent_id'])}/{resource['path_part']}"

    paths = [path(f"${{aws_api_gateway_resource.{address}.id}}") for address in resources]
    assert sorted(paths) == sorted({*(route.path for route in ROUTES), "/positions"})
    for kind in ("aws_api_gateway_method", "aws_api_gateway_integration"):
        served = [(each["resource_id"], each["http_method"]) for each in api[kind].values()]
        assert len(set(served)) == len(ROUTES)
        if kind == "aws_api_gateway_method":
            found = {(method, path(resource)) for resource, method in served}
            assert found == {(route.method, route.path) for route in ROUTES}


def test_every_route_is_a_proxy_that_ends_before_the_function(api: Resources) -> None:
    integrations = api["aws_api_gateway_integration"].values()
    assert len(integrations) == len(ROUTES)
    timeout = api["aws_lambda_function"]["trade_api_function"]["timeout"]
    for integration in integrations:
        assert integration["type"] == "AWS_PROXY"
        assert integration["timeout_milliseconds"] == 29_000 < timeout * 1_000


def test_the_api_invokes_the_function_by_its_own_routes_only(api: Resources) -> None:
    stage = "${aws_api_gateway_stage.rest_stage.execution_arn}"
    allowed = {
        each["source_arn"]
        for each in api["aws_lambda_permission"].values()
        if each["principal"] == "apigateway.amazonaws.com"
    }
    assert allowed == {
        f"{stage}/GET/health",
        f"{stage}/POST/trades",
        f"{stage}/GET/trades",
        f"{stage}/POST/trades/batch",
        f"{stage}/GET/trades/*",
        f"{stage}/POST/trades/*/cancel",
        f"{stage}/GET/positions/*",
    }


def test_a_deployment_is_made_of_the_whole_definition_before_the_old_one_goes(
    api: Resources,
) -> None:
    deployment = api["aws_api_gateway_deployment"]["rest_deployment"]
    assert deployment["lifecycle"]["create_before_destroy"] is True
    defining = {
        f"{kind}.{address}"
        for kind, members in api.items()
        for address in members
        if address.startswith("rest_definition_")
    }
    assert set(deployment["depends_on"]) == defining
    made = {kind: len(api[f"aws_api_gateway_{kind}"]) for kind in ("resource", "model")}
    assert len(defining) == 2 * len(ROUTES) + len(GATEWAY_ERRORS) + sum(made.values()) + 1
    assert "stage_name" not in deployment


def test_every_region_and_synth_gives_the_same_deployment(
    synthesized: Callable[[str], Stacks],
) -> None:
    triggers = {
        stacks[f"api-{region.name}"]["resource"]["aws_api_gateway_deployment"]["rest_deployment"][
            "triggers"
        ]["definition"]
        for stacks in (synthesized("dev"),)
        for region in REGIONS
    }
    assert len(triggers) == 1


def digest(
    tmp_path: Path,
    routes: Sequence[Route] = ROUTES,
    errors: Sequence[GatewayError] = GATEWAY_ERRORS,
    function: str = "arn",
) -> str:
    definition_stack = TerraformStack(App(outdir=str(tmp_path)), "any")
    rest_api = ApiGatewayRestApi(definition_stack, "api", name="any")
    definition = ApiDefinition(
        definition_stack, rest_api, routes=routes, errors=errors, function_invoke_arn=function
    )
    return definition.digest


def with_route(label: str, **changes: Any) -> dict[str, Any]:
    """The routes, one of them changed."""
    changed = tuple(
        replace(route, **changes) if route.label == label else route for route in ROUTES
    )
    assert changed != ROUTES
    return {"routes": changed}


CHANGES: dict[str, dict[str, Any]] = {
    "authorization": with_route("get-health", authorization="AWS_IAM"),
    "schema": with_route("post-trades", body=Model("TradeRequest", "{}")),
    "model": with_route("post-trades", body=None),
    "parameter": with_route("get-trades", query=("limit",)),
    "path": with_route("get-trades-trade-id", path="/trades/{id}"),
    "method": {"routes": (*ROUTES, Route("POST", "/health"))},
    "fewer routes": {"routes": ROUTES[1:]},
    "error code": {"errors": (replace(GATEWAY_ERRORS[0], code="other"), *GATEWAY_ERRORS[1:])},
    "fewer errors": {"errors": GATEWAY_ERRORS[1:]},
    "function": {"function": "another-arn"},
}


def test_the_digest_of_an_unchanged_definition_stays(tmp_path: Path) -> None:
    assert digest(tmp_path) == digest(tmp_path)


@pytest.mark.parametrize("change", CHANGES)
def test_the_digest_changes_with_any_part_of_the_definition(tmp_path: Path, change: str) -> None:
    assert digest(tmp_path, **CHANGES[change]) != digest(tmp_path)


def test_the_gateway_answers_errors_in_the_functions_form() -> None:
    for error in GATEWAY_ERRORS:
        # What API Gateway replaces: one text that is quoted already, one that is not.
        body = error.body.replace("$context.error.messageString", r'"a \"quoted\" text"')
        body = body.replace("$context.requestId", "id")
        assert "$" not in body
        assert json.loads(body) == error_body(error.code, 'a "quoted" text', "id")


def test_every_refusal_of_the_gateway_has_a_form(api: Resources) -> None:
    responses = api["aws_api_gateway_gateway_response"].values()
    types = {each["response_type"] for each in responses}
    assert {"DEFAULT_4XX", "DEFAULT_5XX", "BAD_REQUEST_BODY", "THROTTLED"} <= types
    (throttled,) = (each for each in responses if each["response_type"] == "THROTTLED")
    assert throttled["response_parameters"]["gatewayresponse.header.Retry-After"] == "'1'"


def test_the_stage_traces_limits_and_logs_without_bodies(
    api: Resources, environment: Environment
) -> None:
    stage = api["aws_api_gateway_stage"]["rest_stage"]
    assert stage["stage_name"] == environment.name
    assert stage["xray_tracing_enabled"] is True
    assert json.loads(stage["access_log_settings"]["format"])["status"] == "$context.status"
    assert stage["depends_on"] == ["aws_cloudwatch_log_group.rest_execution_log"]
    execution_log = api["aws_cloudwatch_log_group"]["rest_execution_log"]["name"]
    assert execution_log == (
        f"API-Gateway-Execution-Logs_${{aws_api_gateway_rest_api.rest_api.id}}/{environment.name}"
    )
    settings = one(api["aws_api_gateway_method_settings"])
    assert settings["method_path"] == "*/*"
    assert settings["settings"] == {
        "data_trace_enabled": False,
        "logging_level": "ERROR",
        "metrics_enabled": True,
        "throttling_burst_limit": environment.throttling.burst,
        "throttling_rate_limit": environment.throttling.requests_per_second,
    }
