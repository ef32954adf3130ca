"""The region's KMS key."""

from stacks.security.outputs import SecurityOutputs
from stacks.security.stack import SecurityStack

__all__ = ["SecurityOutputs", "SecurityStack"]
