"""Plan to look and not to apply: nothing is saved, and nobody is held off meanwhile."""

from __future__ import annotations

from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from trading.engine.operation import StackOperation

if TYPE_CHECKING:
    from collections.abc import Iterator

    from trading.engine.engine import Engine

# A lock would make a deploy fail that begins while we look, and we write nothing.
WITHOUT_LOCK = "-lock=false"


@contextmanager
def looking(
    engine: Engine, kind: str, unsettled: dict[str, str] | None = None
) -> Iterator[StackOperation]:
    """An operation whose plans are gone afterwards: a plan holds all that the state knows, secrets
    too. `kind` names the folder of its logs. The steps it is for are to be WITHOUT_LOCK.
    """
    with TemporaryDirectory(prefix="trading-") as plans:
        yield StackOperation(
            engine.terraform,
            logs=engine.folder.logs / engine.folder.new_run(kind),
            plans=Path(plans),
            unsettled=unsettled or {},
        )
