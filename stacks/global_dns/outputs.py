"""The public interfaces of the global DNS layer."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class ZoneOutputs:
    """The hosted zone, and the names its certificate validation records cover."""

    zone_id: str
    zone_name: str
    api_domain: str
    name_servers: list[str]
    certificate_arn: str


@dataclass(frozen=True)
class RecordsOutputs:
    """The name under which clients reach the platform, and where it leads.

    `health_check_ids` has a check for each region, none for an absent one. A drained region gets no
    traffic of the shared name; an absent one has no API, and so no records at all.
    """

    api_url: str
    health_check_ids: dict[str, str]
    drained_regions: list[str]
    absent_regions: list[str]
