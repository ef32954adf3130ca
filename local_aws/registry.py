"""How a correction takes the place of a function of the emulator.

A correction is a function whose first argument is the emulator's own function; the others are
that function's arguments. It is registered with :func:`corrects` and put in place by
:func:`install`, which fails when the function it corrects does not exist.
"""

from __future__ import annotations

import functools
import importlib
from collections.abc import Callable, Collection
from dataclasses import dataclass
from typing import Any

SUPPORTED_VERSION = "1.5.33"

Function = Callable[..., Any]


class CorrectionError(Exception):
    """A correction does not fit the emulator that is installed."""


@dataclass(frozen=True)
class _Correction:
    module: str
    function: str
    apply: Function

    @property
    def name(self) -> str:
        return self.apply.__name__


@dataclass(frozen=True)
class _Action:
    module: str
    action: str
    apply: Function

    @property
    def name(self) -> str:
        return self.apply.__name__


_registered: list[_Correction | _Action] = []


def corrects(module: str, function: str) -> Callable[[Function], Function]:
    """Register a correction of ``ministack.<module>.<function>``."""

    def register(apply: Function) -> Function:
        _registered.append(_Correction(module, function, apply))
        return apply

    return register


def adds_action(module: str, action: str) -> Callable[[Function], Function]:
    """Register an action that ``ministack.<module>`` lacks, called with the request's parameters."""

    def register(apply: Function) -> Function:
        _registered.append(_Action(module, action, apply))
        return apply

    return register


def correction_names() -> list[str]:
    """The names of all registered corrections."""
    return [correction.name for correction in _registered]


def install(leave_out: Collection[str] = ()) -> None:
    """Put the registered corrections in place, but those named in ``leave_out``.

    :raises CorrectionError: what a correction is for is not there, or a name is unknown.
    """
    if unknown := set(leave_out) - set(correction_names()):
        raise CorrectionError(f"there is no correction named {', '.join(sorted(unknown))}")
    for correction in _registered:
        if correction.name in leave_out:
            continue
        if isinstance(correction, _Correction):
            _replace_function(correction)
        else:
            _add_action(correction)


def _replace_function(correction: _Correction) -> None:
    module = importlib.import_module(f"ministack.{correction.module}")
    owner: Any = module
    *classes, attribute = correction.function.split(".")
    for name in classes:
        owner = getattr(owner, name, None)
    original = getattr(owner, attribute, None)
    if original is None:
        raise CorrectionError(
            f"ministack.{correction.module}.{correction.function} is gone:"
            f" the correction {correction.name} needs a new place"
        )

    @functools.wraps(original)
    def corrected(*arguments: Any, **keywords: Any) -> Any:
        return correction.apply(original, *arguments, **keywords)

    setattr(owner, attribute, corrected)
    # Dispatch tables (action name to function) were filled when the module was imported.
    for table in list(vars(module).values()):
        if isinstance(table, dict):
            for key, value in list(table.items()):
                if value is original:
                    table[key] = corrected


def _add_action(action: _Action) -> None:
    module = importlib.import_module(f"ministack.{action.module}")
    actions = getattr(module, "_ACTION_MAP", None)
    if actions is None or action.action in actions:
        raise CorrectionError(
            f"ministack.{action.module} now has {action.action}, or no table of actions:"
            f" the correction {action.name} needs a new look"
        )
    actions[action.action] = action.apply
