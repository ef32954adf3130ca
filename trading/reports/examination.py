"""Look at an environment under a display, and answer for what could not be looked at."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.console import Console

from trading.display import Showing, display
from trading.engine.events import State
from trading.engine.refresh import refresh, refresh_order
from trading.errors import OperatorError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from trading.engine.engine import Engine
    from trading.engine.events import StackFinished
    from trading.engine.graph import Stack
    from trading.engine.refresh import Examine

# The report alone goes to the standard output, for a file or a pipe.
_progress = Console(stderr=True)


def examine_stacks(
    engine: Engine,
    selected: Sequence[Stack],
    examine: Examine,
    showing: Showing,
    *,
    drifted_only: bool,
) -> list[StackFinished]:
    """Refresh the deployed ones of the selected stacks side by side; see `refresh`."""
    order = refresh_order(engine, selected)
    with display(_progress, order, showing) as observer:
        return refresh(engine, order, observer, examine, drifted_only=drifted_only)


def failures(results: Sequence[StackFinished]) -> dict[str, str]:
    """Why a stack could not be examined, by its name."""
    return {result.stack: result.reason for result in results if result.state is not State.DONE}


def require_examined(results: Sequence[StackFinished]) -> None:
    """Raises OperatorError naming the stacks that could not be examined, why, and their logs."""
    lines = [
        f"{result.stack} could not be examined: {result.reason}"
        f"{f' (log: {result.log})' if result.log else ''}"
        for result in results
        if result.state is not State.DONE
    ]
    if lines:
        raise OperatorError("; ".join(lines))
