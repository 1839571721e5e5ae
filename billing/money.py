"""How amounts of money are kept and rounded.

Every amount is a ``Decimal`` with at most six places, because the smallest list prices (per GB and hour) need them.
Whatever has more is rounded half up (``ROUND_HALF_UP``, what invoices do) once, where it enters: a line is rounded and
a total is the sum of rounded lines, so that columns add up on the page.
"""

from decimal import ROUND_HALF_UP, Decimal

PLACES = Decimal("0.000001")
LIMIT = Decimal(10) ** 12  # numeric(18, 6) holds twelve digits before the point

# Clouds and cost tools count a month as 8,760 h / 12: infracost's test files give $73.00 for a control plane at
# $0.10 per hour, the AWS and Azure calculators multiply by 730.
HOURS_PER_MONTH = Decimal(730)


def rounded(amount: Decimal) -> Decimal:
    """``amount`` with six places, half rounded up.

    Raises ``TypeError`` for anything but a ``Decimal`` (a float is never money) and ``ValueError`` for an amount that
    is not finite or does not fit the column.
    """
    if not isinstance(amount, Decimal):
        raise TypeError(f"money is Decimal, not {type(amount).__name__}")
    if not amount.is_finite() or abs(amount) >= LIMIT:
        raise ValueError(f"{amount} is not an amount of money")
    return amount.quantize(PLACES, rounding=ROUND_HALF_UP)


def positive(amount: Decimal) -> Decimal:
    """Like :func:`rounded`; raises ``ValueError`` unless the rounded amount is above zero."""
    if (result := rounded(amount)) <= 0:
        raise ValueError(f"{amount} must be more than zero")
    return result


def not_negative(amount: Decimal) -> Decimal:
    """Like :func:`rounded`; raises ``ValueError`` when the amount is below zero."""
    if (result := rounded(amount)) < 0:
        raise ValueError(f"{amount} must not be negative")
    return result


def display(amount: Decimal, currency: str) -> str:
    """An amount for a sentence: two places, or as many as it needs to say something ("0.0114 USD", "12.50 USD")."""
    places = 2 if amount == 0 or abs(amount) >= Decimal("0.1") else 6
    text = f"{amount.quantize(Decimal(1).scaleb(-places), rounding=ROUND_HALF_UP):,f}"
    return f"{text.rstrip('0') if places > 2 else text} {currency}"


def plain(number: Decimal) -> str:
    """``number`` without zeros at its end: "0.0104", "-15", "0"."""
    text = f"{number:f}"
    return text.rstrip("0").rstrip(".") if "." in text else text
