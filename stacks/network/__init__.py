"""The region's VPC, its subnets and the security groups of every layer."""

from stacks.network.outputs import NetworkOutputs
from stacks.network.stack import NetworkStack

__all__ = ["NetworkOutputs", "NetworkStack"]
