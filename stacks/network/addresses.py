"""The address plan of one VPC: which part of its range each subnet takes."""

from __future__ import annotations

from dataclasses import dataclass
from ipaddress import IPv4Network

# A /16 holds sixteen /20: four for each purpose, of which the zones take three.
SUBNET_PREFIX = 20
BLOCKS_PER_PURPOSE = 4
ZONES = 3


@dataclass(frozen=True)
class AddressPlan:
    """CIDR ranges of a VPC and of its subnets by purpose, in the order of the zones."""

    vpc: str
    public: list[str]
    functions: list[str]
    database: list[str]


def address_plan(octet: int) -> AddressPlan:
    """The plan of `10.{octet}.0.0/16`."""
    vpc = IPv4Network(f"10.{octet}.0.0/16")
    blocks = [str(block) for block in vpc.subnets(new_prefix=SUBNET_PREFIX)]
    public, functions, database = (
        blocks[start : start + ZONES]
        for start in range(0, 3 * BLOCKS_PER_PURPOSE, BLOCKS_PER_PURPOSE)
    )
    return AddressPlan(str(vpc), public, functions, database)
