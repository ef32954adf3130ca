"""The firewall's list of addresses that clients may call from."""

from __future__ import annotations

from ipaddress import ip_network
from typing import TYPE_CHECKING, Any

from cdktf_cdktf_provider_aws.wafv2_ip_set import Wafv2IpSet
from constructs import Construct

if TYPE_CHECKING:
    from collections.abc import Sequence

    from stacks.base import RegionalStack


class AllowedClients(Construct):
    """Address ranges, as IP sets: WAF has one kind of set for each version of IP.

    `strangers` is the statement that a request is neither from them nor asks for the health. Route 53
    asks for that, from addresses of its own, and it tells nothing of any client.
    """

    def __init__(self, stack: RegionalStack, cidrs: Sequence[str]) -> None:
        super().__init__(stack, "allowed-clients")
        sets = [
            self._ip_set(stack, version, ranges)
            for version in (4, 6)
            if (ranges := [cidr for cidr in cidrs if ip_network(cidr).version == version])
        ]
        welcome = [*sets, _asks_for_health(stack.suffix)]
        self.strangers: dict[str, Any] = {
            "not_statement": {"statement": [{"or_statement": {"statement": welcome}}]}
        }

    def _ip_set(self, stack: RegionalStack, version: int, cidrs: Sequence[str]) -> dict[str, Any]:
        name = stack.named(f"allowed-clients-ipv{version}")
        ip_set = Wafv2IpSet(
            self,
            f"ipv{version}",
            name=name,
            description="May call the trade API",
            scope="REGIONAL",
            ip_address_version=f"IPV{version}",
            addresses=list(cidrs),
            tags={"Name": name},
        )
        return {"ip_set_reference_statement": {"arn": ip_set.arn}}


def _asks_for_health(stage: str) -> dict[str, Any]:
    """By the API's own address the path begins with the stage."""
    return {
        "and_statement": {
            "statement": [
                _matches({"method": {}}, "^GET$"),
                _matches({"uri_path": {}}, f"^(/{stage})?/health$"),
            ]
        }
    }


def _matches(field: dict[str, Any], pattern: str) -> dict[str, Any]:
    return {
        "regex_match_statement": {
            "regex_string": pattern,
            "field_to_match": field,
            "text_transformation": [{"priority": 0, "type": "NONE"}],
        }
    }
