from decimal import ROUND_HALF_UP, Decimal
from typing import Any

from rest_framework import serializers

PLACES = 9  # of a price per unit; amounts of money have six
FEWEST = 6


class PriceField(serializers.DecimalField):
    """A price per unit as a string with six places, or up to nine where a discount makes it need them."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(max_digits=18, decimal_places=PLACES, **kwargs)

    def to_representation(self, value: Any) -> str:
        exact = Decimal(value).quantize(Decimal(1).scaleb(-PLACES), rounding=ROUND_HALF_UP)
        whole, _, decimals = f"{exact:f}".partition(".")
        return f"{whole}.{decimals.rstrip('0').ljust(FEWEST, '0')}"
