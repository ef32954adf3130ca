"""What every test process needs."""

from __future__ import annotations

from stacks import lazy_bindings

# Before any test imports a stack: the bindings take ten seconds to load whole.
lazy_bindings.install()
