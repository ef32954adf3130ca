"""The public interface of the network layer."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class NetworkOutputs:
    """The region's VPC, its subnets by purpose, and the security groups of every layer.

    The groups live here and not beside what they protect: then data and api can each be torn down
    alone, and no rule in one names a group in the other.
    """

    vpc_id: str
    vpc_cidr: str
    public_subnet_ids: list[str]
    lambda_subnet_ids: list[str]
    database_subnet_ids: list[str]
    lambda_security_group_id: str
    # Given to a function's network interfaces when the function goes, so that its own group can go too.
    detached_security_group_id: str
    database_security_group_id: str
