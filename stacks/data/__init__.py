"""The region's Aurora cluster and artifacts bucket."""

from stacks.data.outputs import DataOutputs
from stacks.data.stack import DataStack

__all__ = ["DataOutputs", "DataStack"]
