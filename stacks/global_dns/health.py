"""How Route 53 finds out whether a region's API is healthy."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cdktf_cdktf_provider_aws.route53_health_check import Route53HealthCheck

if TYPE_CHECKING:
    from cdktf import TerraformCount
    from constructs import Construct

    from stacks.api.outputs import ApiOutputs

HEALTH_PATH = "/health"
HTTPS_PORT = 443
PROBE_INTERVAL_SECONDS = 30
FAILURES_BEFORE_UNHEALTHY = 3
# AWS wants at least three places to probe from; these are all near to our regions.
PROBED_FROM = ["us-east-1", "us-west-1", "us-west-2"]


def asked_health(
    scope: Construct, api: ApiOutputs, name: str, present: TerraformCount
) -> Route53HealthCheck:
    """Probe the region by the name clients know, certificate included.

    Neither `execute-api` nor the `d-...` target would show a broken custom domain.
    """
    return Route53HealthCheck(
        scope,
        "health-check",
        count=present,
        type="HTTPS",
        fqdn=api.regional_domain_name,
        port=HTTPS_PORT,
        resource_path=HEALTH_PATH,
        enable_sni=True,
        measure_latency=True,
        request_interval=PROBE_INTERVAL_SECONDS,
        failure_threshold=FAILURES_BEFORE_UNHEALTHY,
        regions=PROBED_FROM,
        tags={"Name": name},
    )


def observed_health(
    scope: Construct, api: ApiOutputs, region: str, name: str, present: TerraformCount
) -> Route53HealthCheck:
    """Health where clients show a certificate: Route 53 has none, and so is never answered.

    The region is healthy while its name takes connections, and it does not fail its clients by the terms
    of its own alarm. Without clients it is what it was when it last had some; a new one is healthy.
    https://docs.aws.amazon.com/Route53/latest/DeveloperGuide/dns-failover-determining-health-of-endpoints.html
    """
    reached = Route53HealthCheck(
        scope,
        "reached",
        count=present,
        type="TCP",
        fqdn=api.regional_domain_name,
        port=HTTPS_PORT,
        measure_latency=True,
        request_interval=PROBE_INTERVAL_SECONDS,
        failure_threshold=FAILURES_BEFORE_UNHEALTHY,
        regions=PROBED_FROM,
        tags={"Name": f"{name}-reached"},
    )
    serving = Route53HealthCheck(
        scope,
        "serving",
        count=present,
        type="CLOUDWATCH_METRIC",
        cloudwatch_alarm_name=api.failing_alarm_name,
        cloudwatch_alarm_region=region,
        insufficient_data_health_status="LastKnownStatus",
        tags={"Name": f"{name}-serving"},
    )
    # Another address than the other kind's: that one is destroyed when no record names it any more.
    return Route53HealthCheck(
        scope,
        "observed-health",
        count=present,
        type="CALCULATED",
        child_healthchecks=[f"${{one({child.fqn}[*].id)}}" for child in (reached, serving)],
        child_health_threshold=2,
        tags={"Name": name},
    )
