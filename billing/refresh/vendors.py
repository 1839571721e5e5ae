"""The three vendors behind one function."""

from __future__ import annotations

from types import ModuleType

from . import aws, azure, gcp
from .fetching import Fetcher, VendorError
from .found import Found, Key, Wanted

VENDORS: dict[str, ModuleType] = {"aws": aws, "azure": azure, "gcp": gcp}
NAMES = {"aws": "AWS", "azure": "Azure", "gcp": "Google Cloud"}


def split(provider: str, wanted: Wanted) -> tuple[Wanted, dict[Key, str]]:
    """What the vendor's API can be asked, and why it cannot be asked the rest."""
    reason = VENDORS[provider].unreadable
    askable = {region: frozenset(sku for sku in skus if not reason(sku)) for region, skus in wanted.items()}
    rest = {(sku, region): reason(sku) for region, skus in wanted.items() for sku in skus - askable[region]}
    return {region: skus for region, skus in askable.items() if skus}, rest


def headers(provider: str, key: str) -> dict[str, str]:
    """What every request to the vendor carries. Raises :class:`VendorError`."""
    return gcp.key_headers(key) if provider == "gcp" else {}


def read(provider: str, wanted: Wanted, fetcher: Fetcher, base: str) -> list[Found]:
    """The prices of ``wanted`` that the vendor lists.

    Raises :class:`VendorError`, also where it lists nothing at all for a region: then the region's name is wrong, or
    the API no longer answers as it did, and "not found" would be a misunderstanding.
    """
    found: list[Found] = VENDORS[provider].read(wanted, fetcher, base)
    for region, skus in wanted.items():
        if not any(one.region == region for one in found):
            raise VendorError(
                f"{NAMES[provider]} lists none of {len(skus)} prices in {region}. Either it has no region of that "
                "name, or its price list has changed its form."
            )
    return found
