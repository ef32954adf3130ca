"""One name for all regions: the zone with its certificate validation, and the records over it."""

from stacks.global_dns.outputs import RecordsOutputs, ZoneOutputs
from stacks.global_dns.records import RecordsStack
from stacks.global_dns.zone import ZoneStack

__all__ = ["RecordsOutputs", "RecordsStack", "ZoneOutputs", "ZoneStack"]
