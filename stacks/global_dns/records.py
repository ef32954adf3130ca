"""The names of the API, deployed after every region's API."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cdktf import Fn
from cdktf_cdktf_provider_aws.cloudwatch_metric_alarm import CloudwatchMetricAlarm
from cdktf_cdktf_provider_aws.route53_record import (
    Route53Record,
    Route53RecordAlias,
    Route53RecordLatencyRoutingPolicy,
)
from constructs import Construct

from stacks.api.outputs import ApiOutputs
from stacks.base import PlatformStack
from stacks.contract import publish, read
from stacks.global_dns.health import asked_health, observed_health
from stacks.global_dns.outputs import RecordsOutputs, ZoneOutputs
from stacks.global_dns.routing import Routing
from stacks.settings import GLOBAL_REGION

if TYPE_CHECKING:
    from collections.abc import Mapping

    from stacks.api.stack import ApiStack
    from stacks.global_dns.zone import ZoneStack
    from stacks.settings import Workspace


class RegionRecords(Construct):
    """One region's share of the names: its own name, its part of the shared one, and its health.

    A drained region keeps its own name and its check: trades that it is the home of are read there.
    """

    def __init__(
        self,
        stack: PlatformStack,
        region: str,
        zone_id: str,
        api: ApiOutputs,
        routing: Routing,
        *,
        mutual_tls: bool,
    ) -> None:
        super().__init__(stack, region)
        self._name = f"health-check-{region}-{stack.suffix}"
        self._region = region
        self._present = routing.while_present(region)
        check_name = f"api-{region}-{stack.suffix}"
        check = (
            observed_health(self, api, region, check_name, self._present)
            if mutual_tls
            else asked_health(self, api, check_name, self._present)
        )
        self.health_check_id = f"${{one({check.fqn}[*].id)}}"
        Route53Record(
            self,
            "regional",
            count=self._present,
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
            count=routing.while_in_rotation(region),
            zone_id=zone_id,
            name=api.shared_domain_name,
            type="A",
            set_identifier=region,
            latency_routing_policy=Route53RecordLatencyRoutingPolicy(region=region),
            health_check_id=self.health_check_id,
            alias=Route53RecordAlias(
                name=api.shared_domain_target,
                zone_id=api.shared_domain_zone_id,
                evaluate_target_health=True,
            ),
        )

    def alarm(self, topic_arns: list[str]) -> None:
        """Tell people when the region is taken out of the shared name."""
        CloudwatchMetricAlarm(
            self,
            "unhealthy-alarm",
            count=self._present,
            alarm_name=self._name,
            alarm_description=f"Route 53 finds the API of {self._region} unhealthy",
            namespace="AWS/Route53",
            metric_name="HealthCheckStatus",
            dimensions={"HealthCheckId": self.health_check_id},
            statistic="Minimum",
            period=60,
            evaluation_periods=2,
            comparison_operator="LessThanThreshold",
            threshold=1,
            treat_missing_data="breaching",
            alarm_actions=topic_arns,
            ok_actions=topic_arns,
            tags={"Name": self._name},
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
        routing = Routing(self, list(apis))
        regions = {
            region: read(self, ApiOutputs, api, count=routing.while_present(region))
            for region, api in apis.items()
        }
        records = {
            region: RegionRecords(
                self,
                region,
                names.zone_id,
                api,
                routing,
                mutual_tls=bool(workspace.environment.mutual_tls),
            )
            for region, api in regions.items()
        }
        # While the region that has the topic is absent, the alarms are seen but told to nobody.
        topic = self.local("alarm_topic", regions[GLOBAL_REGION].alarm_topic_arn)
        topic_arns = Fn.compact([topic.as_string])
        for region in records.values():
            region.alarm(topic_arns)
        publish(
            self,
            RecordsOutputs(
                api_url=f"https://{names.api_domain}",
                health_check_ids={name: region.health_check_id for name, region in records.items()},
                drained_regions=routing.drained,
                absent_regions=routing.absent,
            ),
        )
