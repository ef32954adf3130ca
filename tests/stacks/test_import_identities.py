"""Whatever the stacks make can be dealt with after Terraform was killed while it made it."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from stacks.settings import FOUNDATION_WORKSPACE
from tests.synthesis import Stacks
from trading.engine.import_identities import IMPORTABLE, REPEATABLE


@pytest.mark.parametrize("workspace", ["dev", "prod", FOUNDATION_WORKSPACE])
def test_every_type_of_resource_is_importable_or_repeatable(
    synthesized: Callable[[str], Stacks], workspace: str
) -> None:
    types = {kind for stack in synthesized(workspace).values() for kind in stack["resource"]}
    assert types
    assert types - IMPORTABLE.keys() - REPEATABLE == set()


def test_no_type_is_both() -> None:
    assert IMPORTABLE.keys() & REPEATABLE == set()
