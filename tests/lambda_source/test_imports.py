"""What is imported when: a new execution environment waits for nothing that it may not need."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING

import pytest
from trade_service import lazy_imports

from tests.lambda_source.events import proxy_event
from tests.lambda_source.new_process import answer_in_new_process

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.lambda_source.conftest import Call


# Powertools takes a look at botocore's own outermost module, which imports no other.
HEAVY = {"aws_xray_sdk", "boto3", "botocore.session", "jmespath", "urllib3", "requests"}


def test_importing_the_handler_imports_nothing_heavy(environment: dict[str, str]) -> None:
    assert answer_in_new_process().modules & HEAVY == set()


def test_only_what_a_request_needs_is_imported_for_it(api: Call) -> None:
    """Here the secret, by boto3, of which jmespath and urllib3 are parts."""
    modules = answer_in_new_process(proxy_event("GET", "/health")).modules
    assert modules & HEAVY == {"boto3", "botocore.session", "jmespath", "urllib3"}


@pytest.fixture
def heavy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """A module that says when it is imported."""
    (tmp_path / "heavy_module.py").write_text(
        "import os\nos.environ['HEAVY'] = 'imported'\nused = 7\n"
    )
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.delenv("HEAVY", raising=False)
    monkeypatch.delitem(sys.modules, "heavy_module", raising=False)
    yield "heavy_module"
    sys.modules.pop("heavy_module", None)


def test_a_deferred_module_is_imported_when_it_is_used(heavy: str) -> None:
    lazy_imports.defer(heavy)
    import heavy_module  # type: ignore[import-not-found]  # noqa: PLC0415 - as users do

    assert "HEAVY" not in os.environ
    assert heavy_module.used == 7
    assert os.environ["HEAVY"] == "imported"
    assert sys.modules[heavy] is not heavy_module
    assert heavy_module.used == 7
    with pytest.raises(AttributeError):
        _ = heavy_module.missing


def test_a_module_that_is_imported_already_is_not_deferred(heavy: str) -> None:
    module = __import__(heavy)
    lazy_imports.defer(heavy)
    assert sys.modules[heavy] is module
