"""What the account shares between environments: its own workspace, with its own tear-down."""

from __future__ import annotations

from typing import TYPE_CHECKING

from stacks.settings import FOUNDATION_WORKSPACE, state_bucket
from trading.advice import command
from trading.engine.engine import Engine
from trading.errors import OperatorError
from trading.state.state_bucket import ensure_state_bucket
from trading.state.states import list_states

if TYPE_CHECKING:
    from trading.engine.order import Order
    from trading.targets import Target


class Foundation(Engine):
    """The foundation of an account in every region of the platform."""

    def __init__(self, target: Target, parallelism: int) -> None:
        super().__init__(FOUNDATION_WORKSPACE, target, parallelism)

    def bootstrap(self) -> str | None:
        """Make the state bucket, where the settings name one, and give its name."""
        bucket = state_bucket()
        if bucket is None:
            return None
        ensure_state_bucket(bucket, self.environment)
        return bucket.name

    def destroy_all(self) -> Order:
        """How all its stacks are destroyed. Raises OperatorError while an environment needs them."""
        users = sorted(
            {state.workspace for state in list_states(self.environment) if state.needs_foundation}
        )
        if users:
            raise OperatorError(
                f"{', '.join(users)} is deployed and logs through the foundation:"
                f" run {command('destroy', users[0])} first"
            )
        return self.destroy_order(self.all_stacks())
