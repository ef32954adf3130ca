"""Puts off the import of a module that another one names and hardly ever uses."""

from __future__ import annotations

import importlib
import sys
from types import ModuleType
from typing import Any


def defer(name: str) -> None:
    """Let a module be imported when something in it is first asked for.

    Not ``importlib.util.LazyLoader``: to `from package import module`, as the import system does it, even
    that look at the module is a use of it. Where nobody imports this name, nothing happens.
    """
    stand_in = ModuleType(name)

    def attribute(wanted: str) -> Any:
        if sys.modules[name] is stand_in:
            del sys.modules[name]
        return getattr(importlib.import_module(name), wanted)

    # PEP 562: what a module lacks, its own `__getattr__` is asked for.
    vars(stand_in)["__getattr__"] = attribute
    sys.modules.setdefault(name, stand_in)
