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
    """The names under which clients reach the platform."""

    api_url: str
    health_check_ids: list[str]
