"""The definition of the REST API: everything that a deployment takes a picture of."""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING, Any

from cdktf import DefaultTokenResolver, StringConcat, TerraformResource, Tokenization
from cdktf_cdktf_provider_aws.api_gateway_gateway_response import ApiGatewayGatewayResponse
from cdktf_cdktf_provider_aws.api_gateway_integration import ApiGatewayIntegration
from cdktf_cdktf_provider_aws.api_gateway_method import ApiGatewayMethod
from cdktf_cdktf_provider_aws.api_gateway_model import ApiGatewayModel
from cdktf_cdktf_provider_aws.api_gateway_request_validator import ApiGatewayRequestValidator
from cdktf_cdktf_provider_aws.api_gateway_resource import ApiGatewayResource
from constructs import Construct

if TYPE_CHECKING:
    from collections.abc import Sequence

    from cdktf_cdktf_provider_aws.api_gateway_rest_api import ApiGatewayRestApi

    from stacks.api.routes import GatewayError, Model, Route

# The longest that API Gateway waits, and less than the function's own timeout, so that a slow
# answer ends as a timeout of the gateway: https://docs.aws.amazon.com/apigateway/latest/developerguide/limits.html
INTEGRATION_TIMEOUT_MILLISECONDS = 29_000


class ApiDefinition(Construct):
    """Routes to one function, their validation, and the gateway's own errors.

    A deployment is a copy of these at one moment; nothing changes for clients until the next one.
    So all of them live in this construct, and `digest` changes when any of them does.

    Terraform destroys what was removed only after the new deployment was made, so the gateway knows a
    removed route until the deployment after that; its permission to invoke the function goes at once.
    """

    def __init__(
        self,
        scope: Construct,
        api: ApiGatewayRestApi,
        *,
        routes: Sequence[Route],
        errors: Sequence[GatewayError],
        function_invoke_arn: str,
    ) -> None:
        super().__init__(scope, "definition")
        self._api = api
        self._function_invoke_arn = function_invoke_arn
        self._resource_ids = {"": api.root_resource_id}
        self._models: dict[str, ApiGatewayModel] = {}
        self._validator = ApiGatewayRequestValidator(
            self,
            "validator",
            rest_api_id=api.id,
            name="body-and-parameters",
            validate_request_body=True,
            validate_request_parameters=True,
        )
        for route in routes:
            self._add_route(route)
        for error in errors:
            self._add_error(error)

    @property
    def resources(self) -> list[TerraformResource]:
        """All resources of the definition."""
        return [node for node in self.node.find_all() if isinstance(node, TerraformResource)]

    @property
    def digest(self) -> str:
        """SHA-256 of the resources as Terraform will read them.

        That text holds references where a resource holds ids, so it is the same at every synth and in
        every region. (A hash made by Terraform over the resources would change on every plan.)
        """
        rendered = [self._rendered(resource) for resource in self.resources]
        return hashlib.sha256(json.dumps(rendered, sort_keys=True).encode()).hexdigest()

    def _rendered(self, resource: TerraformResource) -> Any:
        rendered = Tokenization.resolve(
            resource.to_terraform()["resource"],
            scope=self,
            resolver=DefaultTokenResolver(StringConcat()),
        )
        for addresses in rendered.values():
            for arguments in addresses.values():
                del arguments["//"]  # Holds the stack's name, and with it the region.
        return rendered

    def _add_route(self, route: Route) -> None:
        scope = Construct(self, route.label)
        method = ApiGatewayMethod(
            scope,
            "method",
            rest_api_id=self._api.id,
            resource_id=self._resource_id(route.path),
            http_method=route.method,
            authorization=route.authorization,
            request_validator_id=self._validator.id,
            request_parameters=route.parameters,
            request_models={"application/json": self._model(route.body)} if route.body else None,
        )
        ApiGatewayIntegration(
            scope,
            "integration",
            rest_api_id=self._api.id,
            resource_id=method.resource_id,
            http_method=method.http_method,
            type="AWS_PROXY",
            # Lambda is invoked by POST, whatever the client's method.
            integration_http_method="POST",
            uri=self._function_invoke_arn,
            timeout_milliseconds=INTEGRATION_TIMEOUT_MILLISECONDS,
        )

    def _resource_id(self, path: str) -> str:
        """The id of a path's resource, which is made below its parent's when it is first asked for."""
        if path not in self._resource_ids:
            parent, _, part = path.rpartition("/")
            resource = ApiGatewayResource(
                self,
                path.strip("/").translate(str.maketrans("/_", "--", "{}")),
                rest_api_id=self._api.id,
                parent_id=self._resource_id(parent),
                path_part=part,
            )
            self._resource_ids[path] = resource.id
        return self._resource_ids[path]

    def _model(self, model: Model) -> str:
        if model.name not in self._models:
            self._models[model.name] = ApiGatewayModel(
                self,
                f"{model.name.lower()}-model",
                rest_api_id=self._api.id,
                name=model.name,
                content_type="application/json",
                schema=model.schema,
            )
        return self._models[model.name].name

    def _add_error(self, error: GatewayError) -> None:
        ApiGatewayGatewayResponse(
            self,
            error.response_type.lower().replace("_", "-"),
            rest_api_id=self._api.id,
            response_type=error.response_type,
            status_code=str(error.status) if error.status else None,
            response_templates={"application/json": error.body},
            response_parameters=error.headers,
        )
