from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal

import pytest
from django.db import transaction

from accounts.actors import system_actor
from accounts.models import AuditEvent, Organization
from billing import services
from billing.models import Account, Hold, LedgerEntry

pytestmark = pytest.mark.django_db
Credit = Callable[..., LedgerEntry]


def figures(organization: Organization) -> tuple[str, str, str]:
    """(balance, held, available) as short text."""
    account = services.account_of(organization)
    return tuple(f"{value:.2f}" for value in (account.balance, account.held, account.available))  # type: ignore[return-value]


def hold(organization: Organization, amount: str, reference: str = "resource:1") -> Hold:
    return services.hold_credit(
        organization=organization, reference=reference, amount=Decimal(amount), description="VM web-1"
    )


def test_a_new_account_is_empty(organization: Organization):
    assert figures(organization) == ("0.00", "0.00", "0.00")
    assert Account.objects.count() == 1


def test_a_new_account_starts_with_the_trial_credit_once(organization: Organization, settings: object):
    settings.TRIAL_CREDIT_USD = 25  # type: ignore[attr-defined]
    services.account_of(organization)
    assert figures(organization) == ("25.00", "0.00", "25.00")
    assert [entry.description for entry in LedgerEntry.objects.all()] == ["Credit to start with"]


def test_the_trial_credit_is_there_for_a_first_order(organization: Organization, settings: object):
    settings.TRIAL_CREDIT_USD = 25  # type: ignore[attr-defined]
    hold(organization, "25")
    assert figures(organization) == ("25.00", "25.00", "0.00")


def test_a_hold_is_thirty_days_of_the_hourly_price(settings: object):
    settings.HOLD_DAYS = 30  # type: ignore[attr-defined]
    assert services.hold_amount(Decimal("0.0104")) == Decimal("7.488000")


def test_a_hold_takes_from_what_is_available_but_not_from_the_balance(organization: Organization, credit: Credit):
    credit(organization, "10")
    held = hold(organization, "4")
    assert figures(organization) == ("10.00", "4.00", "6.00")
    stored = Hold.objects.get()
    assert (stored.pk, stored.reference, stored.description, stored.amount, stored.status, stored.closed_at) == (
        held.pk,
        "resource:1",
        "VM web-1",
        Decimal(4),
        "open",
        None,
    )
    assert stored.created_at == held.created_at


def test_everything_available_can_be_held_and_not_a_millionth_more(organization: Organization, credit: Credit):
    credit(organization, "10")
    with pytest.raises(services.InsufficientCredit):
        hold(organization, "10.000001")
    hold(organization, "10")
    assert figures(organization) == ("10.00", "10.00", "0.00")


def test_insufficient_credit_says_needed_available_and_what_to_do(organization: Organization, credit: Credit):
    credit(organization, "10")
    hold(organization, "4")
    with pytest.raises(services.InsufficientCredit) as caught:
        hold(organization, "6.50", "resource:2")
    error = caught.value
    assert (error.needed, error.available, error.currency) == (Decimal("6.5"), Decimal(6), "USD")
    assert str(error) == (
        "This reserves 6.50 USD, but only 6.00 USD of credit is available. Choose something smaller, destroy what "
        "you no longer need, or ask your operator for a top-up."
    )
    assert (Hold.objects.count(), figures(organization)) == (1, ("10.00", "4.00", "6.00"))


def test_holding_twice_under_one_reference_holds_once(organization: Organization, credit: Credit):
    credit(organization, "10")
    assert hold(organization, "8").pk == hold(organization, "8").pk
    assert figures(organization) == ("10.00", "8.00", "2.00")


def test_holding_twice_returns_the_first_when_there_is_room_for_both(organization: Organization, credit: Credit):
    credit(organization, "10")
    first = hold(organization, "3")
    again = hold(organization, "4")
    assert (again.pk, again.amount) == (first.pk, Decimal(3))
    assert figures(organization) == ("10.00", "3.00", "7.00")


def test_a_reference_can_be_held_again_after_it_was_released(organization: Organization, credit: Credit):
    credit(organization, "10")
    hold(organization, "8")
    services.release_hold(organization=organization, reference="resource:1")
    hold(organization, "9")
    assert figures(organization) == ("10.00", "9.00", "1.00")


def test_holding_credit_takes_one_statement_that_locks_the_account(
    organization: Organization, credit: Credit, django_assert_num_queries: Callable[..., object]
):
    credit(organization, "10")
    with django_assert_num_queries(1) as captured:  # type: ignore[attr-defined]
        hold(organization, "1")
    assert "FOR NO KEY UPDATE" in captured.captured_queries[0]["sql"]


def test_a_refused_hold_leaves_the_transaction_usable(organization: Organization):
    with transaction.atomic():
        with pytest.raises(services.InsufficientCredit):
            hold(organization, "1")
        assert figures(organization) == ("0.00", "0.00", "0.00")


@pytest.mark.parametrize("amount", ["-1", "NaN", "Infinity"])
def test_senseless_amounts_are_refused(organization: Organization, amount: str):
    with pytest.raises(ValueError):
        hold(organization, amount)


def test_a_hold_can_grow_up_to_what_is_available(organization: Organization, credit: Credit):
    credit(organization, "10")
    hold(organization, "4")
    with pytest.raises(services.InsufficientCredit) as caught:
        services.resize_hold(organization=organization, reference="resource:1", amount=Decimal("10.01"))
    assert (caught.value.needed, caught.value.available) == (Decimal("6.01"), Decimal(6))
    services.resize_hold(organization=organization, reference="resource:1", amount=Decimal(10))
    assert figures(organization) == ("10.00", "10.00", "0.00")


def test_a_hold_can_shrink_even_on_an_overdrawn_account(organization: Organization, credit: Credit):
    credit(organization, "10")
    hold(organization, "4")
    services.charge(organization=organization, reference="usage:1", amount=Decimal(12))
    services.resize_hold(organization=organization, reference="resource:1", amount=Decimal(1))
    assert figures(organization) == ("-2.00", "1.00", "-3.00")


def test_only_an_open_hold_can_be_resized(organization: Organization, credit: Credit):
    credit(organization, "10")
    hold(organization, "4")
    services.release_hold(organization=organization, reference="resource:1")
    with pytest.raises(services.NoOpenHold, match="resource:1"):
        services.resize_hold(organization=organization, reference="resource:1", amount=Decimal(1))


def test_settling_frees_the_hold_and_charges_what_was_used(organization: Organization, credit: Credit):
    credit(organization, "10")
    hold(organization, "4")
    entry = services.settle_hold(organization=organization, reference="resource:1", amount=Decimal("1.5"))
    assert entry is not None
    assert (entry.number, entry.kind, entry.amount, entry.balance_after) == (
        2,
        "charge",
        Decimal("-1.5"),
        Decimal("8.5"),
    )
    assert entry.description == "VM web-1"
    assert figures(organization) == ("8.50", "0.00", "8.50")
    assert Hold.objects.get().status == "settled"


def test_settling_twice_charges_once(organization: Organization, credit: Credit):
    credit(organization, "10")
    hold(organization, "4")
    first = services.settle_hold(organization=organization, reference="resource:1", amount=Decimal(1))
    again = services.settle_hold(organization=organization, reference="resource:1", amount=Decimal(3))
    assert first == again
    assert figures(organization) == ("9.00", "0.00", "9.00")


def test_settling_with_nothing_used_writes_no_entry(organization: Organization, credit: Credit):
    credit(organization, "10")
    hold(organization, "4")
    for _ in range(2):
        assert services.settle_hold(organization=organization, reference="resource:1", amount=Decimal(0)) is None
    assert figures(organization) == ("10.00", "0.00", "10.00")
    assert Hold.objects.get().status == "settled"


def test_settling_what_was_never_held_or_was_released_does_nothing(organization: Organization, credit: Credit):
    credit(organization, "10")
    assert services.settle_hold(organization=organization, reference="resource:1", amount=Decimal(1)) is None
    hold(organization, "4")
    services.release_hold(organization=organization, reference="resource:1")
    assert services.settle_hold(organization=organization, reference="resource:1", amount=Decimal(1)) is None
    assert figures(organization) == ("10.00", "0.00", "10.00")


def test_a_reference_held_and_settled_twice_is_charged_twice(organization: Organization, credit: Credit):
    credit(organization, "10")
    for _ in range(2):
        hold(organization, "4")
        services.settle_hold(organization=organization, reference="resource:1", amount=Decimal(1))
    assert figures(organization) == ("8.00", "0.00", "8.00")


def test_a_settlement_may_cost_more_than_was_held(organization: Organization, credit: Credit):
    credit(organization, "10")
    hold(organization, "4")
    services.settle_hold(organization=organization, reference="resource:1", amount=Decimal(11))
    assert figures(organization) == ("-1.00", "0.00", "-1.00")


def test_releasing_is_idempotent(organization: Organization, credit: Credit):
    credit(organization, "10")
    hold(organization, "4")
    released = services.release_hold(organization=organization, reference="resource:1")
    assert released is not None
    assert released.status == "released"
    assert services.release_hold(organization=organization, reference="resource:1") is None
    assert figures(organization) == ("10.00", "0.00", "10.00")


def test_releasing_by_hand_is_audited_with_the_reason(organization: Organization, credit: Credit):
    credit(organization, "10")
    hold(organization, "4")
    AuditEvent.objects.all().count()
    services.release_hold(
        organization=organization, reference="resource:1", actor=system_actor(organization), reason="stuck"
    )
    event = AuditEvent.objects.get(action="hold.release")
    assert event.organization == organization
    assert event.data == {"reference": "resource:1", "amount": "4.000000", "reason": "stuck"}


def test_a_charge_is_booked_once_per_reference(organization: Organization, credit: Credit):
    credit(organization, "10")
    first = services.charge(organization=organization, reference="usage:1", amount=Decimal(1))
    again = services.charge(organization=organization, reference="usage:1", amount=Decimal(1))
    assert first == again
    assert figures(organization) == ("9.00", "0.00", "9.00")


def test_a_reference_booked_with_another_amount_is_refused(organization: Organization, credit: Credit):
    credit(organization, "10", "bank:1")
    with pytest.raises(services.ReferenceReused, match="already booked as a top_up of 10"):
        credit(organization, "11", "bank:1")
    services.charge(organization=organization, reference="bank:1", amount=Decimal(3))  # another kind: its own space
    assert figures(organization) == ("7.00", "0.00", "7.00")


def test_a_top_up_is_booked_and_audited_once(organization: Organization, credit: Credit):
    assert credit(organization, "10", "bank:1") == credit(organization, "10", "bank:1")
    assert figures(organization) == ("10.00", "0.00", "10.00")
    event = AuditEvent.objects.get(action="credit.top_up")
    assert event.data == {"amount": "10.000000", "reference": "bank:1", "note": "Test credit"}


@pytest.mark.parametrize("amount", ["0", "-5", "0.0000001"])
def test_only_positive_amounts_are_topped_up_or_charged(organization: Organization, credit: Credit, amount: str):
    with pytest.raises(ValueError, match="more than zero"):
        credit(organization, amount)
    with pytest.raises(ValueError, match="more than zero"):
        services.charge(organization=organization, reference="usage:1", amount=Decimal(amount))


def test_organizations_do_not_share_credit(organization: Organization, credit: Credit):
    other = Organization.objects.create(name="Other", slug="other")
    credit(organization, "10")
    with pytest.raises(services.InsufficientCredit):
        hold(other, "1")
    assert figures(other) == ("0.00", "0.00", "0.00")
