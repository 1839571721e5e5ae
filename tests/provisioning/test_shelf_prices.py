"""Whether the price catalogue has what the shelf can ask for: every region with every size, machine type and tier."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from decimal import Decimal
from types import SimpleNamespace

import pytest
from django.test import Client

from billing.models import Price
from billing.quotes import PriceMissing, QuotedPrice
from clouds import inputs as cloud_inputs
from clouds.manifest import Manifest
from clouds.models import OfferingVersion
from provisioning import services

pytestmark = pytest.mark.django_db

SignIn = Callable[..., Client]
KINDS = ("bucket", "kubernetes", "vm")

# Google sells its ARM machines in some regions only, and our sources price them in three of our four.
NOT_SOLD = [
    f"There is no price for gcp:compute:t2a-standard-{size} in europe-west1. Choose another region or size."
    for size in (1, 2, 4)
]


def wishes(version: OfferingVersion) -> Iterator[dict[str, object]]:
    """The form as it opens in every region, and with every other choice of every list on it."""
    inputs = Manifest(version.manifest).inputs
    initial = {name: one.initial for name, one in inputs.items() if one.initial is not None}
    replaced = {name: one.replaces for name, one in inputs.items()}
    for region in version.regions:
        opened = {**initial, "region": region}
        yield opened
        for name, rule in version.schema["properties"].items():
            for row in rule.get("oneOf", []) if name != "region" else []:
                yield {key: value for key, value in opened.items() if key != replaced[name]} | {name: row["const"]}


def priced(version: OfferingVersion, wish: dict[str, object]) -> QuotedPrice | str:
    """The price of a wish the form accepts, or the words that refuse it for want of one."""
    try:
        return services.price_of(version, cloud_inputs.validate_inputs(version, wish))
    except PriceMissing as error:
        return str(error)


def test_everything_on_the_shelf_has_a_price_or_is_refused_in_words(shelf: dict[str, OfferingVersion]) -> None:
    found = {name: [priced(version, wish) for wish in wishes(version)] for name, version in shelf.items()}

    refused = [answer for answers in found.values() for answer in answers if isinstance(answer, str)]
    assert Counter(refused) == Counter(NOT_SOLD * 2)  # as a machine and as a node
    assert sorted(found) == [f"{cloud}/{kind}" for cloud in ("aws", "azure", "gcp") for kind in KINDS]
    quotes = [answer for answers in found.values() for answer in answers if isinstance(answer, QuotedPrice)]
    lines = [line for quoted in quotes for line in quoted.lines]
    assert {line.sku for line in lines if not line.monthly} == {"azure:aks:free"}
    current = set(Price.objects.filter(is_current=True).values_list("sku", "region"))
    assert current - {(line.sku, line.region) for line in lines} == set()  # and nothing is priced that nobody sells


def test_the_form_says_what_has_no_price_and_keeps_what_was_entered(
    sign_in: SignIn, tenant: SimpleNamespace, shelf: dict[str, OfferingVersion]
) -> None:
    wish = {"offering": "gcp/vm", "region": "europe-west1", "machine_type": "t2a-standard-1", "disk_gb": "20"}
    panel = sign_in(tenant.member).get("/resources/new/vm/price/", wish)
    assert panel.context["problem"] == NOT_SOLD[0]
    assert NOT_SOLD[0] in panel.content.decode()


@pytest.mark.parametrize("cloud", ["aws", "azure", "gcp"])
def test_a_bucket_asks_what_it_will_hold_and_starts_at_ten_gigabytes(
    shelf: dict[str, OfferingVersion], cloud: str
) -> None:
    version = shelf[f"{cloud}/bucket"]
    rule = version.schema["properties"]["expected_gb"]
    assert (rule["default"], rule["minimum"]) == (10, 1)
    region = {"region": version.regions[0]}
    as_opened, ten, thousand = (
        services.price_of(version, cloud_inputs.validate_inputs(version, region | more)).monthly
        for more in ({}, {"expected_gb": 10}, {"expected_gb": 1000})
    )
    assert as_opened == ten > 0
    assert thousand == pytest.approx(ten * 100, rel=Decimal("0.0001"))  # rounded to six places each
