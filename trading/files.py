"""Small files that another command may read at any moment, and that a power failure may cut off."""

from __future__ import annotations

from typing import TYPE_CHECKING
from uuid import uuid4

if TYPE_CHECKING:
    from pathlib import Path


def write_whole(path: Path, text: str, *, mode: int = 0o666) -> None:
    """Put a file in place of what was there, and never a part of it; make its folder.

    `mode` says who may do what with it, less what the shell's mask takes away.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f".{path.name}.{uuid4().hex}")
    try:
        draft.touch(mode=mode)
        draft.write_text(text)
        draft.replace(path)
    finally:
        draft.unlink(missing_ok=True)
