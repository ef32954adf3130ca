"""The region's REST API: its definition, the deployment of it, and the stage that serves it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from cdktf import TerraformResourceLifecycle
from cdktf_cdktf_provider_aws.api_gateway_deployment import ApiGatewayDeployment
from cdktf_cdktf_provider_aws.api_gateway_method_settings import (
    ApiGatewayMethodSettings,
    ApiGatewayMethodSettingsSettings,
)
from cdktf_cdktf_provider_aws.api_gateway_rest_api import (
    ApiGatewayRestApi,
    ApiGatewayRestApiEndpointConfiguration,
)
from cdktf_cdktf_provider_aws.api_gateway_stage import (
    ApiGatewayStage,
    ApiGatewayStageAccessLogSettings,
)
from cdktf_cdktf_provider_aws.lambda_permission import LambdaPermission
from constructs import Construct

from stacks.api.definition import ApiDefinition
from stacks.api.routes import GATEWAY_ERRORS, ROUTES
from stacks.log_groups import log_group

if TYPE_CHECKING:
    from cdktf_cdktf_provider_aws.lambda_function import LambdaFunction

    from stacks.base import RegionalStack
    from stacks.settings import Throttling

# No path, which may hold an account: the route says what was asked for.
# The variables: https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-variables-for-access-logging.html
ACCESS_LOG_VARIABLES = {
    "request_id": "requestId",
    "extended_request_id": "extendedRequestId",
    "trace_id": "xrayTraceId",
    "time": "requestTime",
    "source_ip": "identity.sourceIp",
    "user_agent": "identity.userAgent",
    "caller": "identity.userArn",
    "domain": "domainName",
    "method": "httpMethod",
    "route": "resourcePath",
    "status": "status",
    "error": "error.responseType",
    "response_bytes": "responseLength",
    "response_milliseconds": "responseLatency",
    "integration_milliseconds": "integrationLatency",
    "integration_status": "integrationStatus",
    "firewall_status": "wafResponseCode",
}

# A stage cannot be without a deployment, nor a domain name without an API, while one is replaced.
NEW_ONE_FIRST = TerraformResourceLifecycle(create_before_destroy=True)


class RestApi(Construct):
    """One stage, named as the workspace, that always serves the latest deployment.

    It is reached by its custom domains only: its own address takes TLS 1.0, and asks for no certificate.
    https://docs.aws.amazon.com/apigateway/latest/developerguide/apigateway-custom-domain-tls-version.html
    """

    def __init__(
        self,
        stack: RegionalStack,
        function: LambdaFunction,
        *,
        kms_key_arn: str,
        throttling: Throttling,
    ) -> None:
        super().__init__(stack, "rest")
        self._stack = stack
        self._kms_key_arn = kms_key_arn
        self.api = ApiGatewayRestApi(
            self,
            "api",
            name=stack.named("trade-api"),
            description=f"Trades of {stack.region}, {stack.suffix}",
            endpoint_configuration=ApiGatewayRestApiEndpointConfiguration(types=["REGIONAL"]),
            disable_execute_api_endpoint=True,
            lifecycle=NEW_ONE_FIRST,
            tags={"Name": stack.named("trade-api")},
        )
        self.stage = self._serve(self._deploy(function))
        self._limit(throttling)
        self._allow_invocation(function)

    def _deploy(self, function: LambdaFunction) -> ApiGatewayDeployment:
        definition = ApiDefinition(
            self,
            self.api,
            routes=ROUTES,
            errors=GATEWAY_ERRORS,
            function_invoke_arn=function.invoke_arn,
        )
        return ApiGatewayDeployment(
            self,
            "deployment",
            rest_api_id=self.api.id,
            triggers={
                "definition": definition.digest,
                # An API that was deployed with its address open closes it by another deployment only:
                # https://docs.aws.amazon.com/apigateway/latest/developerguide/rest-api-disable-default-endpoint.html
                "own_address": "closed",
            },
            lifecycle=NEW_ONE_FIRST,
            depends_on=definition.resources,
        )

    def _serve(self, deployment: ApiGatewayDeployment) -> ApiGatewayStage:
        stage_name = self._stack.suffix
        access_log = log_group(
            self,
            "access-log",
            f"/aws/apigateway/{self._stack.named('trade-api-access')}",
            self._kms_key_arn,
        )
        # API Gateway dictates this name, and would make the group itself, without retention or key.
        execution_log = log_group(
            self,
            "execution-log",
            f"API-Gateway-Execution-Logs_{self.api.id}/{stage_name}",
            self._kms_key_arn,
        )
        log_format = {name: f"$context.{value}" for name, value in ACCESS_LOG_VARIABLES.items()}
        return ApiGatewayStage(
            self,
            "stage",
            rest_api_id=self.api.id,
            deployment_id=deployment.id,
            stage_name=stage_name,
            xray_tracing_enabled=True,
            access_log_settings=ApiGatewayStageAccessLogSettings(
                destination_arn=access_log.arn, format=json.dumps(log_format)
            ),
            tags={"Name": self._stack.named("trade-api-stage")},
            depends_on=[execution_log],
        )

    def _limit(self, throttling: Throttling) -> None:
        ApiGatewayMethodSettings(
            self,
            "settings",
            rest_api_id=self.api.id,
            stage_name=self.stage.stage_name,
            method_path="*/*",
            settings=ApiGatewayMethodSettingsSettings(
                throttling_rate_limit=throttling.requests_per_second,
                throttling_burst_limit=throttling.burst,
                metrics_enabled=True,
                # More than errors would be paths, which may hold an account; the access log has the rest. A
                # data trace writes bodies, and with them trades.
                logging_level="ERROR",
                data_trace_enabled=False,
            ),
        )

    def _allow_invocation(self, function: LambdaFunction) -> None:
        for route in ROUTES:
            LambdaPermission(
                self,
                f"allow-{route.label}",
                statement_id=f"allow-{route.label}",
                action="lambda:InvokeFunction",
                function_name=function.function_name,
                principal="apigateway.amazonaws.com",
                source_arn=f"{self.stage.execution_arn}/{route.permission_path}",
            )
