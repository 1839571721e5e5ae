"""The regions of the clouds whose SDK does not know them by itself."""

from __future__ import annotations

import tomllib
from functools import cache
from pathlib import Path

SOURCE = Path(__file__).resolve().parent.parent / "data" / "cloud_regions.toml"


@cache
def _all() -> dict[str, list[str]]:
    return tomllib.loads(SOURCE.read_text())


def region_names(provider: str) -> list[str]:
    """Every region's name, sorted. Raises ``KeyError`` for a provider that is not in the file."""
    return sorted(_all()[provider])
