"""What PostgreSQL itself refuses, whoever asks."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal

import pytest
from django.db import IntegrityError, InternalError, connection, transaction
from django.utils import timezone

from accounts.models import Organization
from billing import services
from billing.models import Account, Hold, LedgerEntry

pytestmark = pytest.mark.django_db
Credit = Callable[..., LedgerEntry]
REFUSED = (IntegrityError, InternalError)


@pytest.fixture
def account(organization: Organization, credit: Credit) -> Account:
    credit(organization, "10")
    services.hold_credit(organization=organization, reference="resource:1", amount=Decimal(4))
    return services.account_of(organization)


def check_at_commit() -> None:
    """What a commit would do: run the deferred checks."""
    with transaction.atomic():
        connection.check_constraints()


@pytest.mark.parametrize("change", [{"amount": 5}, {"description": "other"}, {"number": 9}])
def test_a_ledger_entry_cannot_be_changed(account: Account, change: dict[str, object]):
    with pytest.raises(REFUSED, match="the ledger is append-only"), transaction.atomic():
        account.entries.update(**change)


def test_a_ledger_entry_cannot_be_deleted(account: Account):
    with pytest.raises(REFUSED, match="the ledger is append-only"), transaction.atomic():
        account.entries.all().delete()


def entry(account: Account, **values: object) -> LedgerEntry:
    usual = {
        "number": 2,
        "kind": "charge",
        "amount": Decimal(-3),
        "balance_before": Decimal(10),
        "balance_after": Decimal(7),
        "reference": "usage:1",
    }
    return LedgerEntry(account=account, **{**usual, **values})


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"number": 3}, "does not follow the one before it"),
        ({"number": 1}, "does not follow the one before it"),
        ({"balance_before": Decimal(9), "balance_after": Decimal(6)}, "does not follow the one before it"),
        ({"balance_after": Decimal(8)}, "entry_adds_up"),
        ({"kind": "top_up"}, "entry_sign_fits_kind"),
        ({"kind": "gift"}, "entry_sign_fits_kind"),
        ({"amount": Decimal(3), "balance_after": Decimal(13)}, "entry_sign_fits_kind"),
    ],
)
def test_an_entry_continues_the_ledger(account: Account, values: dict[str, object], message: str):
    with pytest.raises(REFUSED, match=message), transaction.atomic():
        entry(account, **values).save()


def test_an_entry_without_its_account_is_refused_at_commit(account: Account):
    with transaction.atomic():
        sid = transaction.savepoint()
        entry(account).save()
        with pytest.raises(REFUSED, match="does not agree with its last ledger entry"):
            check_at_commit()
        transaction.savepoint_rollback(sid)


@pytest.mark.parametrize("change", [{"balance": Decimal(11)}, {"entries_count": 2}])
def test_a_balance_that_the_ledger_does_not_explain_is_refused_at_commit(account: Account, change: dict[str, object]):
    with transaction.atomic():
        sid = transaction.savepoint()
        Account.objects.filter(pk=account.pk).update(**change)
        with pytest.raises(REFUSED, match="does not agree with its last ledger entry"):
            check_at_commit()
        transaction.savepoint_rollback(sid)


def test_a_new_account_with_an_unexplained_balance_is_refused_at_commit(organization: Organization):
    with transaction.atomic():
        sid = transaction.savepoint()
        Account.objects.create(organization=organization, balance=500)
        with pytest.raises(REFUSED, match="does not agree with its last ledger entry"):
            check_at_commit()
        transaction.savepoint_rollback(sid)


def test_reservations_cannot_be_negative(account: Account):
    with pytest.raises(REFUSED, match="account_held_not_negative"), transaction.atomic():
        Account.objects.filter(pk=account.pk).update(held=-1)
    with pytest.raises(REFUSED, match="hold_not_negative"), transaction.atomic():
        account.holds.update(amount=-1)


def test_a_closed_hold_stays_closed_and_as_it_was(account: Account, organization: Organization):
    services.release_hold(organization=organization, reference="resource:1")
    for change in ({"status": "open", "closed_at": None}, {"amount": 1}):
        with pytest.raises(REFUSED, match="a closed hold never changes"), transaction.atomic():
            Hold.objects.update(**change)


def test_a_hold_is_closed_with_a_time_and_never_deleted(account: Account):
    with pytest.raises(REFUSED, match="hold_closed_when_not_open"), transaction.atomic():
        Hold.objects.update(status="released")
    with pytest.raises(REFUSED, match="hold_closed_when_not_open"), transaction.atomic():
        Hold.objects.update(closed_at=timezone.now())
    with pytest.raises(REFUSED, match="holds are closed, not deleted"), transaction.atomic():
        Hold.objects.all().delete()
