"""Where state is kept, and where it was kept when this checkout last changed anything.

A shell without TRADING_STATE_BUCKET sees an empty world: it would deploy all of it once more.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from stacks.settings import state_bucket
from trading.engine.workspace_folder import WorkspaceFolder
from trading.errors import OperatorError
from trading.files import write_whole
from trading.state.states import list_file_states

if TYPE_CHECKING:
    from trading.targets import TargetName

_FILES = "files of this checkout"
_SCHEME = "s3://"


def place_of_state() -> str:
    """Where the settings of this shell keep state."""
    bucket = state_bucket()
    return f"{_SCHEME}{bucket.name}" if bucket else _FILES


def record_place(workspace: str, target: TargetName) -> None:
    """Remember where the state of a workspace is from now on."""
    write_whole(WorkspaceFolder(workspace).state_place(target), place_of_state())


def require_same_place(workspace: str, target: TargetName) -> None:
    """Raises OperatorError when a workspace has its state elsewhere, and tells what to set."""
    record = WorkspaceFolder(workspace).state_place(target)
    recorded = record.read_text().strip() if record.is_file() else ""
    if recorded in {"", place_of_state()}:
        return
    if recorded == _FILES:
        if not any(state.workspace == workspace for state in list_file_states()):
            return
        what = "unset TRADING_STATE_BUCKET"
    else:
        what = f"set TRADING_STATE_BUCKET={recorded.removeprefix(_SCHEME)}"
    raise OperatorError(
        f"the state of {workspace} is in {recorded}, and this shell looks into {place_of_state()}:"
        f" {what}, or remove {record} if it was moved"
    )
