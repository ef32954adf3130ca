"""What is kept, where and how often, is the command line's to know and no resource's."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from stacks.settings import ENVIRONMENTS, REGIONS
from tests.stacks.resources import without_metadata
from tests.synthesis import Stacks, read_stacks, run_app

OTHER_ARCHIVE_SETTINGS = """
from dataclasses import replace
from stacks import lazy_bindings, settings
lazy_bindings.install()
copies = {region.name: region.archive_copy_region for region in settings.REGIONS}
settings.REGIONS = tuple(
    replace(region, archive_copy_region=copies[region.archive_copy_region])
    for region in settings.REGIONS
)
settings.ENVIRONMENTS = tuple(
    replace(environment, archive_copied=not environment.archive_copied, archive_generations=17)
    for environment in settings.ENVIRONMENTS
)
from stacks.platform import synthesize
synthesize("prod")
"""


def test_a_lost_region_has_its_copy_in_another_one() -> None:
    names = {region.name for region in REGIONS}
    for region in REGIONS:
        assert region.archive_copy_region in names - {region.name}


def test_what_a_lost_region_held_is_not_all_in_one_place() -> None:
    assert len({region.archive_copy_region for region in REGIONS}) == len(REGIONS)


def test_what_matters_is_copied_and_a_generation_is_always_left() -> None:
    for environment in ENVIRONMENTS:
        assert environment.archive_copied is environment.data_matters
        assert environment.archive_generations >= 1


def test_no_resource_knows_of_it(synthesized: Callable[[str], Stacks], tmp_path: Path) -> None:
    result = run_app(tmp_path, "prod", "-c", OTHER_ARCHIVE_SETTINGS)
    assert result.returncode == 0, result.stderr
    assert without_metadata(read_stacks(tmp_path)) == without_metadata(synthesized("prod"))
