"""What an account shares across all environments, in each region."""

from stacks.foundation.stack import FoundationStack

__all__ = ["FoundationStack"]
