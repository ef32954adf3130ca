"""The public interface of the api layer."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class ApiOutputs:
    """The region's REST API, its two custom domain names, and where its alarms go.

    The shared name is the same in every region and reached by latency; the regional name is this
    region alone. Each has a target and a hosted zone for the alias record that the DNS layer makes.
    `failing_alarm_name` is the alarm that says that the region fails its clients.
    """

    rest_api_id: str
    stage_name: str
    shared_domain_name: str
    shared_domain_target: str
    shared_domain_zone_id: str
    shared_domain_url: str
    regional_domain_name: str
    regional_domain_target: str
    regional_domain_zone_id: str
    regional_domain_url: str
    trade_api_function_name: str
    alarm_topic_arn: str
    failing_alarm_name: str
