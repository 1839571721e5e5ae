"""Discounts, markups and prices of a tenant's own."""

from __future__ import annotations

import itertools
import uuid
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from types import SimpleNamespace
from typing import Any

import pytest
from django.db import IntegrityError, connection, transaction
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from hypothesis import given, settings
from hypothesis import strategies as st

from accounts.actors import system_actor
from accounts.models import AuditEvent, Organization, User
from billing import adjusting, adjustments, metering, prices, quotes, services
from billing.adjusting import NotAnAdjustment, Terms
from billing.adjustments import adjusted, applying
from billing.models import Account, Meter, PriceAdjustment
from tests.billing import usage
from tests.billing.agreeing import agree

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
SMALL = "aws:compute:t3.small"
ADD = "/admin/billing/priceadjustment/add/"


def row(percent: str | None = None, *, price: str | None = None, sku: str = "", **more: Any) -> PriceAdjustment:
    """An unsaved adjustment, in force since noon."""
    known: dict[str, Any] = {"cloud_account": "", "starts_at": NOON, "created_at": NOON}
    return PriceAdjustment(
        percent=None if percent is None else Decimal(percent),
        unit_price=None if price is None else Decimal(price),
        sku_prefix=sku,
        **known | more,
    )


def pay(list_price: str, *rows: PriceAdjustment, sku: str = SMALL) -> Decimal:
    return adjusted(Decimal(list_price), sku=sku, adjustments=rows)


# --- how several work together --------------------------------------------------------------------------------------


def test_without_an_agreement_the_list_price_is_paid() -> None:
    assert str(pay("0.020800")) == "0.020800"
    assert pay("0.020800", row("-10", sku="azure:")) == Decimal("0.0208")


def test_a_percentage_lowers_or_raises_what_its_prefix_fits() -> None:
    assert pay("0.02", row("-15")) == Decimal("0.017")
    assert pay("0.02", row("10", sku="aws:compute:")) == Decimal("0.022")
    assert pay("0.02", row("1000")) == Decimal("0.22")
    assert pay("0.005", row("-12.345", sku="aws:ipv4"), sku="aws:ipv4") == Decimal("0.004382750")


def test_percentages_multiply_and_are_rounded_once() -> None:
    assert pay("0.02", row("-10"), row("5", cloud_account="a")) == Decimal("0.0189")
    # 0.000001 x 0.555 x 0.555 = 0.000000308025; rounded at each step it would be 0.000000309
    assert pay("0.000001", row("-44.5"), row("-44.5")) == Decimal("0.000000308")


def test_a_price_of_its_own_is_final_and_for_the_whole_sku_only() -> None:
    own = row(price="0.011", sku=SMALL)
    assert pay("0.02", row("-50"), own) == Decimal("0.011")
    assert pay("0.02", own, sku=f"{SMALL}2") == Decimal("0.02")
    assert pay("0.02", row(price="0", sku=SMALL)) == Decimal(0)


def test_the_price_of_an_account_goes_before_the_tenants_and_a_later_before_an_earlier() -> None:
    tenant = row(price="0.1", sku=SMALL)
    later = row(price="0.2", sku=SMALL, starts_at=NOON.replace(hour=13))
    account = row(price="0.3", sku=SMALL, cloud_account="a", starts_at=NOON.replace(hour=9))
    for order in itertools.permutations([tenant, later, account]):
        assert pay("0.02", *order) == Decimal("0.3")
    for order in itertools.permutations([tenant, later]):
        assert pay("0.02", *order) == Decimal("0.2")


percentages = st.decimals("-99.999", "1000", places=3)


@settings(deadline=None)
@given(st.lists(percentages, max_size=5), st.decimals("0", "1000", places=6))
def test_the_product_is_exact_whatever_the_order(percents: list[Decimal], list_price: Decimal) -> None:
    rows = [row(str(percent)) for percent in percents]
    exact = Fraction(list_price)
    for percent in percents:
        exact *= 1 + Fraction(percent) / 100
    paid = adjusted(list_price, sku=SMALL, adjustments=rows)
    assert abs(Fraction(paid) - exact) <= Fraction(1, 2 * 10**9) + exact / 10**25
    assert paid == adjusted(list_price, sku=SMALL, adjustments=rows[::-1]) >= 0


def test_only_what_is_in_force_in_the_account_applies() -> None:
    rows = [
        row("-1", starts_at=NOON, ends_at=NOON + timedelta(hours=1)),
        row("-2", starts_at=NOON + timedelta(hours=1)),
        row("-3", cloud_account="a"),
        row("-4", cloud_account="b"),
    ]

    def at(hours: float, account: str = "") -> list[Decimal]:
        found = applying(rows, cloud_account=account, at=NOON + timedelta(hours=hours))
        return [each.percent for each in found if each.percent is not None]

    assert at(-0.01) == []
    assert at(0) == [Decimal(-1)]
    assert at(0.99, "a") == [Decimal(-1), Decimal(-3)]
    assert at(1, "b") == [Decimal(-2), Decimal(-4)]


# --- quotes and meters ----------------------------------------------------------------------------------------------


@pytest.fixture
def listed(db: None) -> None:
    prices.load()
    prices.forget_table()


def quoted(organization: Organization, account: str = "") -> quotes.QuotedPrice:
    items = [quotes.Item("Machine", "aws:compute:t3.micro", Decimal(1)), quotes.Item("IP", "aws:ipv4", Decimal(1))]
    agreed = adjustments.in_force(organization.pk, account)
    return quotes.quote(region="us-east-1", items=items, adjustments=agreed)


@pytest.mark.usefixtures("listed")
def test_a_quote_says_both_prices_of_every_line(organization: Organization) -> None:
    agree(organization, "-10", sku_prefix="aws:compute:")
    found = quoted(organization)
    assert [(line.list_price, line.unit_price, line.is_adjusted) for line in found.lines] == [
        (Decimal("0.0104"), Decimal("0.00936"), True),
        (Decimal("0.005"), Decimal("0.005"), False),
    ]
    assert (found.hourly, found.list_hourly) == (Decimal("0.01436"), Decimal("0.0154"))
    assert (found.monthly, found.list_monthly) == (Decimal("10.4828"), Decimal("11.242"))
    assert found.is_adjusted


@pytest.mark.usefixtures("listed")
def test_what_was_quoted_is_what_is_metered_also_after_the_agreement_ended(organization: Organization) -> None:
    agreement = agree(organization, "-12.345")
    kept = quotes.keep_quote(organization=organization, reference="resource:1", quoted=quoted(organization))
    adjusting.end_adjustment(actor=system_actor(organization), adjustment=agreement, reason="Over")
    adjustments.forget_table()
    metering.run_quoted_meters(organization=organization, facts=usage.facts(), hourly=kept.hourly, at=NOON)
    machine, address = Meter.objects.order_by("sku")
    assert (machine.list_price, machine.unit_price) == (Decimal("0.0104"), Decimal("0.009116120"))
    assert (address.list_price, address.unit_price) == (Decimal("0.005"), Decimal("0.004382750"))
    assert not quoted(organization).is_adjusted


@pytest.mark.usefixtures("listed")
def test_an_agreement_is_for_its_tenant_and_its_account_alone(organization: Organization) -> None:
    other = Organization.objects.create(name="Other", slug="other")
    agree(organization, "-10", cloud_account="account-1")
    assert quoted(organization, "account-1").hourly < quoted(organization).hourly
    assert quoted(organization, "account-2") == quoted(organization) == quoted(other, "account-1")
    assert adjustments.in_force(None) == ()


def test_reading_agreements_costs_no_query_while_the_table_is_warm(organization: Organization) -> None:
    agree(organization, "-10")
    adjustments.in_force(organization.pk)
    with CaptureQueriesContext(connection) as queries:
        assert [each.percent for each in adjustments.in_force(organization.pk)] == [Decimal(-10)]
        assert adjustments.in_force(uuid.uuid4()) == ()
    assert len(queries) == 0


def test_a_commit_makes_the_process_look_again(
    organization: Organization, django_capture_on_commit_callbacks: Callable[..., Any]
) -> None:
    assert adjustments.in_force(organization.pk) == ()
    terms = Terms(percent=Decimal(-10))
    with django_capture_on_commit_callbacks(execute=True):
        made = adjusting.adjust_prices(
            actor=system_actor(organization), organization=organization, terms=terms, note="Contract"
        )
    assert adjustments.in_force(organization.pk) == (made,)
    with django_capture_on_commit_callbacks(execute=True):
        adjusting.end_adjustment(actor=system_actor(organization), adjustment=made, reason="Over")
    assert adjustments.in_force(organization.pk) == ()


# --- agreeing and ending --------------------------------------------------------------------------------------------


def test_agreeing_and_ending_are_audited_and_happen_once(organization: Organization) -> None:
    actor, key = system_actor(organization), uuid.uuid4()
    terms = Terms(percent=Decimal(-10), starts_at=timezone.now() - timedelta(days=30))
    made = [
        adjusting.adjust_prices(actor=actor, organization=organization, terms=terms, note="Contract 7", key=key)
        for _ in "ab"
    ]
    assert made[0] == made[1]
    assert timezone.now() - made[0].starts_at < timedelta(minutes=1)  # never before it was agreed
    ended = [adjusting.end_adjustment(actor=actor, adjustment=made[0], reason="Over").ends_at for _ in "ab"]
    assert ended[0] == ended[1] is not None
    events = AuditEvent.objects.filter(action__startswith="price.").order_by("action")
    assert [(event.action, event.organization) for event in events] == [
        ("price.adjust", organization),
        ("price.end_adjustment", organization),
    ]
    assert events[0].target_label == "-10% on everything"


def test_what_has_not_begun_ends_before_it_begins(organization: Organization) -> None:
    tomorrow = timezone.now() + timedelta(days=1)
    made = agree(organization, "-10", starts_at=tomorrow)
    assert adjustments.in_force(organization.pk) == ()
    ended = adjusting.end_adjustment(actor=system_actor(organization), adjustment=made, reason="Mistake")
    assert ended.ends_at == tomorrow
    assert applying([ended], at=tomorrow) == ()


@pytest.mark.parametrize(
    "terms",
    [
        {},
        {"percent": "-10", "unit_price": "1"},
        {"percent": "-100"},
        {"percent": "1000.001"},
        {"unit_price": "1"},
        {"unit_price": "-1", "sku_prefix": SMALL},
    ],
)
def test_senseless_terms_are_refused_by_code_and_database(organization: Organization, terms: dict) -> None:
    numbers = {name: value if name == "sku_prefix" else Decimal(value) for name, value in terms.items()}
    with pytest.raises(NotAnAdjustment):
        adjusting.adjust_prices(
            actor=system_actor(organization), organization=organization, terms=Terms(**numbers), note=""
        )
    account = services.account_of(organization)
    with pytest.raises(IntegrityError), transaction.atomic():
        PriceAdjustment.objects.create(account=account, starts_at=NOON, note="", **numbers)


# --- the operators' page --------------------------------------------------------------------------------------------


@pytest.fixture
def client(db: None, sign_in: Callable[[User], Client]) -> Client:
    return sign_in(User.objects.create_superuser("operator@skyvend.test", "correct-horse-battery"))


@pytest.fixture
def form(tenant: SimpleNamespace, listed: None) -> dict[str, str]:
    return {"organization": "acme", "percent": "-10", "note": "Contract 7", "key": str(uuid.uuid4())}


def test_an_operator_sees_the_effect_and_then_agrees(client: Client, tenant: SimpleNamespace, form: dict) -> None:
    organization = tenant.organization
    line = usage.line("aws:compute:t3.micro", "0.0114", region="us-east-1")
    usage.run(organization, line)
    shown = client.post(ADD, form)
    preview = shown.context["preview"]
    assert preview["table"]["rows"] == [
        ["1", "t3.micro", "aws:compute:t3.micro", "0.0114", "0.00936", "8.32", "6.83", "-1.49"]
    ]  # the newest list price, 0.0104, less 10 %
    assert "1 of 1 running lines" in shown.content.decode()
    assert PriceAdjustment.objects.count() == 0
    for _ in "ab":
        page = client.post(ADD, {**form, "agree": "1"}, follow=True).content.decode()
        assert "-10% on everything" in page
    made = PriceAdjustment.objects.get()
    assert (made.account.organization, made.created_by_label) == (organization, "operator operator@skyvend.test")
    assert Meter.objects.get().unit_price == Decimal("0.0114")
    assert AuditEvent.objects.filter(action="price.adjust").count() == 1


@pytest.mark.parametrize(
    ("changes", "field", "words"),
    [
        ({"organization": "nobody"}, "organization", "There is no such tenant."),
        ({"percent": "-100"}, "__all__", "must be above -100"),
        ({"percent": ""}, "__all__", "either a percentage or a price"),
        ({"unit_price": "1"}, "__all__", "either a percentage or a price"),
        ({"percent": "", "unit_price": "1", "sku_prefix": "aws:compute:"}, "sku_prefix", "has no such SKU"),
        ({"sku_prefix": "asw:"}, "sku_prefix", "No SKU of the price catalogue begins so."),
        ({"starts_at": "2020-01-01 00:00"}, "starts_at", "what was charged never changes"),
        ({"cloud_account": "production"}, "cloud_account", "valid UUID"),
        ({"note": ""}, "note", "required"),
    ],
)
def test_wrong_terms_are_answered_at_their_field(
    client: Client, form: dict, changes: dict, field: str, words: str
) -> None:
    answer = client.post(ADD, {**form, **changes, "agree": "1"})
    assert words in " ".join(answer.context["form"].errors[field])
    assert PriceAdjustment.objects.count() == 0


def test_an_operator_ends_with_a_reason_and_cannot_edit(client: Client, organization: Organization) -> None:
    made = agree(organization, unit_price="0.01", sku_prefix=SMALL)
    page = f"/admin/billing/priceadjustment/{made.pk}/"
    assert "0.01 for aws:compute:t3.small" in client.get("/admin/billing/priceadjustment/").content.decode()
    client.post(f"{page}change/", {"percent": "-50", "note": "x"})
    client.post(f"{page}end/", {"reason": ""})
    made.refresh_from_db()
    assert (made.percent, made.ends_at) == (None, None)
    client.post(f"{page}end/", {"reason": "Contract over"})
    made.refresh_from_db()
    assert made.ends_at is not None
    assert AuditEvent.objects.get(action="price.end_adjustment").data["reason"] == "Contract over"


def test_who_may_only_look_agrees_nothing(
    client: Client, tenant: SimpleNamespace, form: dict, sign_in: Callable[[User], Client]
) -> None:
    User.objects.filter(pk=tenant.owner.pk).update(is_staff=True)
    answer = sign_in(tenant.owner).post(ADD, {**form, "agree": "1"})
    assert answer.status_code in {302, 403}
    assert PriceAdjustment.objects.count() == 0
    assert Account.objects.count() == 0
