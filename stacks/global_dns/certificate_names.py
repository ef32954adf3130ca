"""The names that a certificate of the API covers, the same in every region."""

from __future__ import annotations

from stacks.settings import REGIONS


def regional_names(api_domain: str) -> list[str]:
    """The name of each region's own API, below the shared name."""
    return [f"{region.name}.{api_domain}" for region in REGIONS]
