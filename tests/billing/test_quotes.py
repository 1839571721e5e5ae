from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal

import pytest

from accounts.models import Organization
from billing import prices, quotes
from billing.models import Price

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _loaded() -> None:
    prices.load()
    prices.forget_table()


def items(machine: str = "t3.micro", disk: str = "20") -> list[quotes.Item]:
    return [
        quotes.Item("Machine", f"aws:compute:{machine}", Decimal(1)),
        quotes.Item("Disk", "aws:disk:gp3", Decimal(disk)),
        quotes.Item("Public address", "aws:ipv4", Decimal(1)),
    ]


def test_a_quote_adds_up_its_lines_by_hour_and_month():
    quoted = quotes.quote(region="us-east-1", items=items())
    assert [(line.label, line.hourly, line.monthly) for line in quoted.lines] == [
        ("Machine", Decimal("0.010400"), Decimal("7.592000")),  # 0.0104 x 730
        ("Disk", Decimal("0.002192"), Decimal("1.600000")),  # 20 x 0.08 / 730
        ("Public address", Decimal("0.005000"), Decimal("3.650000")),
    ]
    assert quoted.hourly == Decimal("0.017592")
    assert quoted.monthly == Decimal("12.842000")
    assert (quoted.currency, quoted.catalogue, quoted.is_approximate) == ("USD", "2026-11-24", False)


def test_a_line_names_its_source_and_date():
    line = quotes.quote(region="eu-west-1", items=items()).lines[2]
    assert line.source == "Pricing API check EU-PublicIPv4:InUseAddress and IdleAddress public code"
    assert (line.as_of, line.unit, line.unit_price) == ("2026-07-10", "hour", Decimal("0.005"))


def test_one_approximate_line_makes_the_quote_approximate():
    quoted = quotes.quote(region="eu-west-1", items=items())
    assert [line.is_approximate for line in quoted.lines] == [False, True, False]
    assert quoted.is_approximate is True


def test_nothing_costs_nothing():
    quoted = quotes.quote(region="us-east-1", items=[])
    assert (quoted.hourly, quoted.monthly, quoted.currency, quoted.lines) == (Decimal(0), Decimal(0), "USD", [])


def test_a_missing_price_is_said_with_sku_and_region():
    with pytest.raises(quotes.PriceMissing) as caught:
        quotes.quote(region="eu-north-1", items=items())
    assert (caught.value.sku, caught.value.region) == ("aws:compute:t3.micro", "eu-north-1")
    assert str(caught.value).startswith("There is no price for aws:compute:t3.micro in eu-north-1.")


def test_a_negative_quantity_is_refused():
    with pytest.raises(ValueError, match="negative"):
        quotes.quote(region="us-east-1", items=items(disk="-1"))


def test_prices_in_two_currencies_are_not_added():
    Price.objects.filter(sku="aws:ipv4").update(currency="EUR")
    prices.forget_table()
    with pytest.raises(ValueError, match="different currencies: EUR, USD"):
        quotes.quote(region="us-east-1", items=items())


def test_a_warm_quote_asks_the_database_nothing(django_assert_num_queries: Callable[[int], object]):
    quotes.quote(region="us-east-1", items=items())
    with django_assert_num_queries(0):  # type: ignore[attr-defined]
        quotes.quote(region="eu-west-1", items=items("t3.small"))


def test_a_kept_quote_holds_every_figure_it_was_made_of(organization: Organization):
    quoted = quotes.quote(region="us-east-1", items=items())
    kept = quotes.keep_quote(organization=organization, reference="resource:1", quoted=quoted)
    kept.refresh_from_db()
    assert (kept.reference, kept.catalogue, kept.monthly) == ("resource:1", "2026-11-24", quoted.monthly)
    assert kept.lines[0] == {
        "label": "Machine",
        "sku": "aws:compute:t3.micro",
        "region": "us-east-1",
        "unit": "hour",
        "quantity": "1",
        "list_price": "0.010400",
        "unit_price": "0.010400",
        "hourly": "0.010400",
        "monthly": "7.592000",
        "currency": "USD",
        "source": "skypilot-org/skypilot-catalog@2c3d7ea7 catalogs/v9/aws/vms.csv",
        "as_of": "undated",
        "is_approximate": False,
        "is_paused_by_stop": False,
    }
