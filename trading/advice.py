"""What an operator is told to type."""

from __future__ import annotations


def command(text: str, workspace: str) -> str:
    """A command as it is advised: with its environment, for TF_WORKSPACE may name another one."""
    return f"`trading {text} --env {workspace}`"
