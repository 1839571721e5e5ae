"""Moving credit: holds before work, charges for what was used, top-ups by operators.

Every function locks the account row first (``SELECT ... FOR NO KEY UPDATE``) and only then touches holds and entries,
so two of them never deadlock. A caller with rows of its own either takes the account before it locks existing rows,
or, on the hot path of an order, inserts its new rows first and holds the credit last: nobody waits for new rows while
holding the account. Amounts are ``Decimal`` in the account's currency, rounded by ``money``.

Holds, settlements and charges are audited by the operation that causes them (an order, a destroy); what an operator
does here by hand is audited here.
"""

from __future__ import annotations

import uuid
from decimal import Decimal

from django.conf import settings
from django.db import connection, transaction
from django.utils import timezone

from accounts import audit
from accounts.actors import Actor, system_actor
from accounts.models import Organization

from .models import Account, EntryKind, Hold, HoldStatus, LedgerEntry
from .money import display, not_negative, positive, rounded

TRIAL_REFERENCE = "trial"


class NotAffordable(Exception):
    """Money does not allow it. The message says why and what can be done."""


class InsufficientCredit(NotAffordable):
    """More credit is needed than is available. The message says both and what can be done."""

    def __init__(self, needed: Decimal, available: Decimal, currency: str) -> None:
        self.needed = needed
        self.available = available
        self.currency = currency
        super().__init__(
            f"This reserves {display(needed, currency)}, but only {display(available, currency)} of credit is "
            "available. Choose something smaller, destroy what you no longer need, or ask your operator for a top-up."
        )


class NoOpenHold(Exception):
    """Nothing is reserved under this reference."""


class ReferenceReused(Exception):
    """An entry of this kind and reference exists with another amount: it is not a repetition of the same request."""


def account_of(organization: Organization) -> Account:
    """The organization's account, read afresh. A new one starts with ``TRIAL_CREDIT_USD``, if that is set."""
    try:
        return Account.objects.get(organization=organization)
    except Account.DoesNotExist:
        return _open_account(organization)


@transaction.atomic
def _open_account(organization: Organization) -> Account:
    account, created = Account.objects.get_or_create(organization=organization)
    trial = Decimal(settings.TRIAL_CREDIT_USD)
    if created and trial > 0:
        top_up(
            organization=organization,
            amount=trial,
            reference=TRIAL_REFERENCE,
            actor=system_actor(organization),
            description="Credit to start with",
        )
        account.refresh_from_db()
    return account


def hold_amount(hourly: Decimal) -> Decimal:
    """What an order at ``hourly`` reserves: ``HOLD_DAYS`` days of it."""
    return rounded(Decimal(settings.HOLD_DAYS) * 24 * hourly)


def hold_credit(*, organization: Organization, reference: str, amount: Decimal, description: str = "") -> Hold:
    """Reserve ``amount`` under ``reference`` until it is settled or released.

    Idempotent: while a hold is open under this reference that one is returned, whatever the amount.
    One statement when it succeeds. Raises :class:`InsufficientCredit` when the balance minus all open holds does not
    cover it; nothing is written then.
    """
    hold = Hold(reference=reference, description=description[:200], amount=not_negative(amount))
    with transaction.atomic(savepoint=False):
        if _hold_at_once(organization, hold):
            return hold
        account = lock_account(organization)  # which opens the account if there was none, perhaps with trial credit
        if existing := _open_hold(account, reference):
            return existing
        if account.available >= hold.amount and _hold_at_once(organization, hold):
            return hold
    raise InsufficientCredit(hold.amount, account.available, account.currency)


# Locks the account, then inserts the hold if the credit is there and the reference is free, then adds it up. The lock
# makes the available amount the newest one, also when this had to wait for another order.
HOLD_AT_ONCE = """
WITH account AS (
    SELECT id, balance - held AS available FROM billing_account WHERE organization_id = %(organization)s
    FOR NO KEY UPDATE
), hold AS (
    INSERT INTO billing_hold (id, account_id, reference, description, amount, status, created_at)
    SELECT %(id)s, account.id, %(reference)s, %(description)s, %(amount)s, 'open', %(created_at)s
    FROM account WHERE account.available >= %(amount)s
    ON CONFLICT (account_id, reference) WHERE status = 'open' DO NOTHING
    RETURNING account_id, amount
)
UPDATE billing_account SET held = held + hold.amount FROM hold WHERE billing_account.id = hold.account_id
RETURNING billing_account.id,
    EXISTS (SELECT 1 FROM billing_budget WHERE account_id = billing_account.id AND is_blocking)
"""


def _hold_at_once(organization: Organization, hold: Hold) -> bool:
    """Write ``hold`` and return True; False when there is no account, not enough credit, or one open already."""
    names = ("id", "reference", "description", "amount", "created_at")
    values = {name: getattr(hold, name) for name in names}
    with connection.cursor() as cursor:
        cursor.execute(HOLD_AT_ONCE, {**values, "organization": organization.pk})
        row = cursor.fetchone()
    if row is None:
        return False
    hold.account_id, hold.has_blocking_budgets = row
    hold._state.adding = False  # noqa: SLF001  - saved, though not by save()
    return True


@transaction.atomic
def resize_hold(*, organization: Organization, reference: str, amount: Decimal) -> Hold:
    """Make the open hold of ``reference`` reserve ``amount`` instead.

    Shrinking always works. Raises :class:`InsufficientCredit` when growing by more than what is available and
    :class:`NoOpenHold` when there is nothing to resize.
    """
    amount = not_negative(amount)
    account = lock_account(organization)
    hold = _open_hold(account, reference)
    if hold is None:
        raise NoOpenHold(f"nothing is reserved under {reference}")
    growth = amount - hold.amount
    if growth > 0 and growth > account.available:
        raise InsufficientCredit(growth, account.available, account.currency)
    hold.amount = amount
    hold.save(update_fields=["amount"])
    _add_held(account, growth)
    return hold


@transaction.atomic
def shrink_hold(*, organization: Organization, reference: str, amount: Decimal) -> Hold:
    """Make the open hold of ``reference`` reserve ``amount`` if it reserves more; usage may have eaten into it since.

    Raises :class:`NoOpenHold` when there is nothing to shrink.
    """
    amount = not_negative(amount)
    account = lock_account(organization)
    hold = _open_hold(account, reference)
    if hold is None:
        raise NoOpenHold(f"nothing is reserved under {reference}")
    if amount < hold.amount:
        _add_held(account, amount - hold.amount)
        hold.amount = amount
        hold.save(update_fields=["amount"])
    return hold


@transaction.atomic
def settle_hold(
    *, organization: Organization, reference: str, amount: Decimal, description: str = ""
) -> LedgerEntry | None:
    """Close the open hold of ``reference`` and charge ``amount``, what was really used.

    The charge may exceed the hold and even the balance: the cost has happened. Idempotent: when no hold is open, the
    entry of the last settlement is returned. Returns None when nothing was charged (amount zero, or never held).
    """
    amount = not_negative(amount)
    account = lock_account(organization)
    hold = _open_hold(account, reference)
    if hold is None:
        return _last_settlement(account, reference)
    _close(account, hold, HoldStatus.SETTLED)
    if amount == 0:
        return None
    return append_entry(
        account, EntryKind.CHARGE, -amount, _settlement_reference(hold), description or hold.description
    )


def _last_settlement(account: Account, reference: str) -> LedgerEntry | None:
    hold = account.holds.filter(reference=reference).order_by("-closed_at").first()
    if hold is None or hold.status != HoldStatus.SETTLED:
        return None
    return account.entries.filter(kind=EntryKind.CHARGE, reference=_settlement_reference(hold)).first()


def _settlement_reference(hold: Hold) -> str:
    """Unique per hold, since a reference may be held again after it was settled."""
    return f"{hold.reference}:{hold.pk}"


@transaction.atomic
def release_hold(
    *, organization: Organization, reference: str, actor: Actor | None = None, reason: str = ""
) -> Hold | None:
    """Close the open hold of ``reference`` without charging; None when there is none (idempotent).

    With ``actor``, somebody does it by hand, and it is audited with the ``reason``.
    """
    account = lock_account(organization)
    hold = _open_hold(account, reference)
    if hold is None:
        return None
    _close(account, hold, HoldStatus.RELEASED)
    if actor is not None:
        audit.record(
            actor, "hold.release", hold, organization, reference=reference, amount=str(hold.amount), reason=reason
        )
    return hold


@transaction.atomic
def charge(*, organization: Organization, reference: str, amount: Decimal, description: str = "") -> LedgerEntry:
    """Take ``amount`` off the balance for something used; the balance may go below zero.

    Idempotent by ``reference``; raises :class:`ReferenceReused` when it was charged with another amount.
    """
    amount = positive(amount)
    return append_entry(lock_account(organization), EntryKind.CHARGE, -amount, reference, description)


@transaction.atomic
def top_up(
    *, organization: Organization, amount: Decimal, reference: str, actor: Actor, description: str = ""
) -> LedgerEntry:
    """Add ``amount`` of credit. Idempotent by ``reference``, raises :class:`ReferenceReused`; audited once."""
    amount = positive(amount)
    account = lock_account(organization)
    count = account.entries_count
    entry = append_entry(account, EntryKind.TOP_UP, amount, reference, description)
    if entry.number > count:
        audit.record(
            actor, "credit.top_up", account, organization, amount=str(amount), reference=reference, note=description
        )
    return entry


def lock_account(organization: Organization) -> Account:
    """For billing itself: the account, locked until the transaction ends."""
    locked = Account.objects.select_for_update(no_key=True)  # rows that point here may still be inserted meanwhile
    account = locked.filter(organization=organization).first()
    if account is None:
        account = locked.get(pk=_open_account(organization).pk)
    account.organization = organization
    return account


def _open_hold(account: Account, reference: str) -> Hold | None:
    return account.holds.open().filter(reference=reference).first()


def _close(account: Account, hold: Hold, status: HoldStatus) -> None:
    hold.status = status
    hold.closed_at = timezone.now()
    hold.save(update_fields=["status", "closed_at"])
    _add_held(account, -hold.amount)


def lower_held(account: Account, amount: Decimal) -> None:
    """For billing itself: ``amount`` less is held, since the holds were lowered by it."""
    _add_held(account, -amount)


def _add_held(account: Account, amount: Decimal) -> None:
    """The row is locked, so what was read is what is there."""
    account.held += amount
    Account.objects.filter(pk=account.pk).update(held=account.held)


def append_entry(
    account: Account,
    kind: EntryKind,
    amount: Decimal,
    reference: str,
    description: str,
    *,
    pk: uuid.UUID | None = None,
) -> LedgerEntry:
    """For billing itself: the next entry of a locked account, or what ``kind`` and ``reference`` made before."""
    if existing := account.entries.filter(kind=kind, reference=reference).first():
        if existing.amount != amount:
            raise ReferenceReused(f"{reference} was already booked as a {kind} of {abs(existing.amount)}")
        return existing
    entry = LedgerEntry.objects.create(
        id=pk or uuid.uuid4(),
        account=account,
        number=account.entries_count + 1,
        kind=kind,
        amount=amount,
        balance_before=account.balance,
        balance_after=account.balance + amount,
        reference=reference,
        description=description[:200],
    )
    account.balance, account.entries_count = entry.balance_after, entry.number
    account.save(update_fields=["balance", "entries_count"])
    return entry
