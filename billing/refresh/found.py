"""What a vendor's price list says about one of our SKUs."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal

Key = tuple[str, str]  # (sku, region)
Wanted = Mapping[str, frozenset[str]]  # region: our SKUs to look up there


@dataclass(frozen=True, slots=True)
class Found:
    """A price as the vendor states it, in our unit, not yet rounded.

    ``others`` are further amounts that passed the same filters: then the vendor has a kind of price that the filters
    do not know of, and a person has to look.
    """

    sku: str
    region: str
    unit: str
    amount: Decimal
    source: str  # address of the list and the vendor's own id of the price in it
    as_of: str  # when the vendor published it, or since when it holds: YYYY-MM-DD
    is_approximate: bool = False
    others: tuple[Decimal, ...] = ()

    @property
    def key(self) -> Key:
        return self.sku, self.region


class Tally:
    """Collects every price that passed a vendor's filters. Prices of zero are placeholders and are dropped."""

    def __init__(self) -> None:
        self._candidates: dict[Key, list[Found]] = defaultdict(list)

    def add(self, found: Found) -> None:
        if found.amount > 0:
            self._candidates[found.key].append(found)

    def lowest(self) -> Iterator[Found]:
        """One price for each SKU and region: the lowest, which names the other amounts.

        The lowest, because what slips through a filter is a price with something on top, such as a licence.
        """
        for candidates in self._candidates.values():
            best = min(candidates, key=lambda one: one.amount)
            others = tuple(sorted({one.amount for one in candidates} - {best.amount}))
            yield Found(
                best.sku,
                best.region,
                best.unit,
                best.amount,
                best.source,
                best.as_of,
                is_approximate=best.is_approximate,
                others=others,
            )
