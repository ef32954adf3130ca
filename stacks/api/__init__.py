"""The region's REST API and the functions behind it."""

from stacks.api.outputs import ApiOutputs
from stacks.api.stack import ApiStack

__all__ = ["ApiOutputs", "ApiStack"]
