"""The names of the API, deployed after every region's API."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cdktf_cdktf_provider_aws.cloudwatch_metric_alarm import CloudwatchMetricAlarm
from cdktf_cdktf_provider_aws.route53_health_check import Route53HealthCheck
from cdktf_cdktf_provider_aws.route53_record import (
    Route53Record,
    Route53RecordAlias,
    Route53RecordLatencyRoutingPolicy,
)
from constructs import Construct

from stacks.api.outputs import ApiOutputs
from stacks.base import PlatformStack
from stacks.contract import publish, read
from stacks.global_dns.outputs import RecordsOutputs, ZoneOutputs
from stacks.settings import GLOBAL_REGION

if TYPE_CHECKING:
    from collections.abc import Mapping

    from stacks.api.stack import ApiStack
    from stacks.global_dns.zone import ZoneStack
    from stacks.settings import Workspace

HEALTH_PATH = "/health"
HTTPS_PORT = 443
PROBE_INTERVAL_SECONDS = 30
FAILURES_BEFORE_UNHEALTHY = 3
# AWS wants at least three places to probe from; these are all near to our regions.
PROBED_FROM = ["us-east-1", "us-west-1", "us-west-2"]


class RegionRecords(Construct):
    """One region's share of the names: its own name, its part of the shared one, and its health."""

    def __init__(self, stack: PlatformStack, region: str, zone_id: str, api: ApiOutputs) -> None:
        super().__init__(stack, region)
        self._stack = stack
        self._region = region
        self.health_check = self._health_check(api.regional_domain_name)
        Route53Record(
            self,
            "regional",
            zone_id=zone_id,
            name=api.regional_domain_name,
            type="A",
            alias=Route53RecordAlias(
                name=api.regional_domain_target,
                zone_id=api.regional_domain_zone_id,
                evaluate_target_health=False,
            ),
        )
        Route53Record(
            self,
            "latency",
            zone_id=zone_id,
            name=api.shared_domain_name,
            type="A",
            set_identifier=region,
            latency_routing_policy=Route53RecordLatencyRoutingPolicy(region=region),
            health_check_id=self.health_check.id,
            alias=Route53RecordAlias(
                name=api.shared_domain_target,
                zone_id=api.shared_domain_zone_id,
                evaluate_target_health=True,
            ),
        )

    def _health_check(self, name: str) -> Route53HealthCheck:
        """Probe the region by the name clients know, certificate included.

        Neither `execute-api` nor the `d-...` target would show a broken custom domain.
        """
        return Route53HealthCheck(
            self,
            "health-check",
            type="HTTPS",
            fqdn=name,
            port=HTTPS_PORT,
            resource_path=HEALTH_PATH,
            enable_sni=True,
            measure_latency=True,
            request_interval=PROBE_INTERVAL_SECONDS,
            failure_threshold=FAILURES_BEFORE_UNHEALTHY,
            regions=PROBED_FROM,
            tags={"Name": f"api-{self._region}-{self._stack.suffix}"},
        )

    def alarm(self, topic_arn: str) -> None:
        """Tell people when the region is taken out of the shared name."""
        CloudwatchMetricAlarm(
            self,
            "unhealthy-alarm",
            alarm_name=f"health-check-{self._region}-{self._stack.suffix}",
            alarm_description=f"Route 53 finds the API of {self._region} unhealthy",
            namespace="AWS/Route53",
            metric_name="HealthCheckStatus",
            dimensions={"HealthCheckId": self.health_check.id},
            statistic="Minimum",
            period=60,
            evaluation_periods=2,
            comparison_operator="LessThanThreshold",
            threshold=1,
            treat_missing_data="breaching",
            alarm_actions=[topic_arn],
            ok_actions=[topic_arn],
            tags={"Name": f"health-check-{self._region}-{self._stack.suffix}"},
        )


class RecordsStack(PlatformStack):
    """Latency records over all regions: a client's name resolves to its nearest healthy region."""

    def __init__(
        self,
        scope: Construct,
        workspace: Workspace,
        *,
        zone: ZoneStack,
        apis: Mapping[str, ApiStack],
    ) -> None:
        super().__init__(
            scope,
            "global-dns",
            layer="global-dns",
            suffix=workspace.suffix,
            region=GLOBAL_REGION,
            account_id=workspace.environment.account_id,
        )
        names = read(self, ZoneOutputs, zone)
        regions = {region: read(self, ApiOutputs, api) for region, api in apis.items()}
        records = {
            region: RegionRecords(self, region, names.zone_id, api)
            for region, api in regions.items()
        }
        for region in records.values():
            region.alarm(regions[GLOBAL_REGION].alarm_topic_arn)
        publish(
            self,
            RecordsOutputs(
                api_url=f"https://{names.api_domain}",
                health_check_ids=[region.health_check.id for region in records.values()],
            ),
        )
