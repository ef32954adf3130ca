"""API of one region."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cdktf import AssetType, TerraformAsset, Token
from cdktf_cdktf_provider_aws.sqs_queue import SqsQueue

from stacks.api.alarms import Alarms, alarms_of
from stacks.api.custom_domains import Certificate, CustomDomain, mutual_tls
from stacks.api.dashboard import dashboard
from stacks.api.functions import FunctionContext, FunctionDefinition, ServiceFunction
from stacks.api.lambda_package import (
    SCHEMA_MIGRATOR_HANDLER,
    TRADE_API_HANDLER,
    build_lambda_package,
)
from stacks.api.metrics import Watched
from stacks.api.outputs import ApiOutputs
from stacks.api.rest_api import RestApi
from stacks.api.schema_migration import migrate_schema, reconcile_positions
from stacks.api.trade_reporter import trade_reporter
from stacks.api.web_acl import WebAcl
from stacks.base import RegionalStack
from stacks.contract import publish, read
from stacks.data.outputs import DataOutputs
from stacks.global_dns.outputs import ZoneOutputs
from stacks.network.outputs import NetworkOutputs
from stacks.security.outputs import SecurityOutputs
from stacks.settings import LAMBDA_LONG_TIMEOUT_SECONDS, REGIONS

if TYPE_CHECKING:
    from cdktf import TerraformStack
    from cdktf_cdktf_provider_aws.lambda_function import LambdaFunction
    from cdktf_cdktf_provider_aws.lambda_invocation import LambdaInvocation
    from constructs import Construct

    from stacks.settings import Region, Workspace

# The migrator makes them: src/lambda/trade_service/data_access/database_users.py.
TRADE_API_USER = "trade_api"
DEAD_LETTER_RETENTION_SECONDS = 14 * 24 * 60 * 60


class ApiStack(RegionalStack):
    """Clients reach the trade API by its shared or its regional name, through the firewall.

    The schema is migrated before the function that relies on it is made or changed.
    """

    def __init__(
        self,
        scope: Construct,
        workspace: Workspace,
        region: Region,
        *,
        network: TerraformStack,
        security: TerraformStack,
        data: TerraformStack,
        zone: TerraformStack,
    ) -> None:
        super().__init__(scope, "api", workspace, region)
        self._network = read(self, NetworkOutputs, network, self.beside("network"))
        self._key_arn = read(self, SecurityOutputs, security, self.beside("security")).kms_key_arn
        self._database = read(self, DataOutputs, data, self.beside("data"))
        self._domain = read(self, ZoneOutputs, zone).api_domain

        dead_letters = self._dead_letter_queue()
        context = self._function_context(dead_letters)
        migrator = self._schema_migrator(context)
        migration = migrate_schema(self, migrator, self._database.cluster_resource_id)
        trade_api = self._trade_api(context, migration)
        reporter = trade_reporter(self, context, self._database, dead_letters, after=migration)
        reconcile_positions(self, migrator, self._database.cluster_resource_id, after=[trade_api])
        rest = RestApi(
            self,
            trade_api,
            kms_key_arn=self._key_arn,
            throttling=workspace.environment.throttling,
        )
        self._add_firewall(rest)
        certificate = Certificate(self, self._domain)
        client_certificates = mutual_tls(self, region)
        shared, regional = (
            CustomDomain(self, construct_id, name, certificate.arn, rest, client_certificates)
            for construct_id, name in (
                ("shared-domain", self._domain),
                ("regional-domain", f"{self.region}.{self._domain}"),
            )
        )
        alarms = self._watch(trade_api, reporter, rest, dead_letters)
        publish(self, _outputs(rest, shared, regional, trade_api, alarms))

    def _dead_letter_queue(self) -> SqsQueue:
        name = self.named("dead-letters")
        return SqsQueue(
            self,
            "dead-letters",
            name=name,
            kms_master_key_id=self._key_arn,
            message_retention_seconds=DEAD_LETTER_RETENTION_SECONDS,
            tags={"Name": name},
        )

    def _function_context(self, dead_letters: SqsQueue) -> FunctionContext:
        database, package = self._database, build_lambda_package()
        # A copy beside the stack's JSON, so that its folder is all that Terraform needs.
        asset = TerraformAsset(
            self,
            "package",
            path=str(package.path),
            type=AssetType.FILE,
            asset_hash=package.sha256_hex,
        )
        return FunctionContext(
            package_file=asset.path,
            package_hash=package.sha256_base64,
            environment={
                "API_DOMAIN": self._domain,
                "API_REGIONS": ",".join(region.name for region in REGIONS),
                "DATABASE_WRITER_HOST": database.writer_endpoint,
                "DATABASE_READER_HOST": database.reader_endpoint,
                "DATABASE_PORT": Token.as_string(database.database_port),
                "DATABASE_NAME": database.database_name,
                "DATABASE_SECRET_ARN": database.secret_arn,
            },
            network=self._network,
            kms_key_arn=self._key_arn,
            cluster_resource_id=database.cluster_resource_id,
            database_secret_arn=database.secret_arn,
            dead_letter_queue_arn=dead_letters.arn,
        )

    def _schema_migrator(self, context: FunctionContext) -> LambdaFunction:
        definition = FunctionDefinition(
            name="schema-migrator",
            description="Applies the pending migrations to the region's database",
            handler=SCHEMA_MIGRATOR_HANDLER,
            reserved_concurrency=1,
            database_user=None,
            timeout_seconds=LAMBDA_LONG_TIMEOUT_SECONDS,
        )
        return ServiceFunction(self, definition, context).function

    def _trade_api(self, context: FunctionContext, migration: LambdaInvocation) -> LambdaFunction:
        definition = FunctionDefinition(
            name="trade-api",
            description="Accepts and answers for the region's trades",
            handler=TRADE_API_HANDLER,
            reserved_concurrency=self.workspace.environment.lambda_reserved_concurrency,
            database_user=TRADE_API_USER,
        )
        return ServiceFunction(self, definition, context, after=[migration]).function

    def _add_firewall(self, rest: RestApi) -> None:
        environment = self.workspace.environment
        limit = environment.web_acl_requests_per_five_minutes
        if limit is not None:
            WebAcl(
                self,
                stage_arn=rest.stage.arn,
                requests_per_five_minutes=limit,
                allowed_client_cidrs=environment.allowed_client_cidrs,
                kms_key_arn=self._key_arn,
            )

    def _watch(
        self,
        trade_api: LambdaFunction,
        reporter: LambdaFunction,
        rest: RestApi,
        dead_letters: SqsQueue,
    ) -> Alarms:
        environment = self.workspace.environment
        watched = Watched(
            trade_api=trade_api.function_name,
            trade_api_concurrency=environment.lambda_reserved_concurrency,
            trade_reporter=reporter.function_name,
            api=rest.api.name,
            stage=rest.stage.stage_name,
            dead_letter_queue=dead_letters.name,
            cluster=self._database.cluster_identifier,
        )
        alarms = Alarms(
            self,
            alarms_of(watched),
            kms_key_arn=self._key_arn,
            email=environment.alarm_email,
        )
        dashboard(self, watched, alarms.arns)
        return alarms


def _outputs(
    rest: RestApi,
    shared: CustomDomain,
    regional: CustomDomain,
    trade_api: LambdaFunction,
    alarms: Alarms,
) -> ApiOutputs:
    return ApiOutputs(
        rest_api_id=rest.api.id,
        stage_name=rest.stage.stage_name,
        shared_domain_name=shared.domain.domain_name,
        shared_domain_target=shared.domain.regional_domain_name,
        shared_domain_zone_id=shared.domain.regional_zone_id,
        shared_domain_url=shared.url,
        regional_domain_name=regional.domain.domain_name,
        regional_domain_target=regional.domain.regional_domain_name,
        regional_domain_zone_id=regional.domain.regional_zone_id,
        regional_domain_url=regional.url,
        trade_api_function_name=trade_api.function_name,
        alarm_topic_arn=alarms.topic.arn,
        failing_alarm_name=alarms.failing_name,
    )
