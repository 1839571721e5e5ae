"""What an operator wants to happen to a tenant whose credit is used up."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from django.db import transaction

from accounts import audit
from accounts.actors import Actor

from .models import ZERO, Account


@transaction.atomic
def set_policy(*, account: Account, stops_machines: bool, actor: Actor, reason: str = "") -> Account:
    """Whether the tenant's machines are stopped once its credit is used up. Nothing is ever destroyed. Audited."""
    account.stops_machines = stops_machines
    account.save(update_fields=["stops_machines"])
    audit.record(actor, "credit.policy", account, account.organization, stops_machines=stops_machines, reason=reason)
    return account


def used_up_since(account: Account) -> datetime | None:
    """When the entry was written that took the balance to zero or below, where it is since; None with credit left."""
    if account.balance > ZERO:
        return None
    last_good = account.entries.filter(balance_after__gt=ZERO).order_by("-number").values_list("number", flat=True)
    after = account.entries.filter(number__gt=last_good.first() or 0).order_by("number")
    return after.values_list("created_at", flat=True).first() or account.created_at


def to_be_stopped(*, used_up_before: datetime) -> Iterator[Account]:
    """Accounts whose machines are to be stopped: their policy says so, and there is no credit since before then."""
    for account in Account.objects.filter(stops_machines=True, balance__lte=ZERO).select_related("organization"):
        since = used_up_since(account)
        if since is not None and since <= used_up_before:
            yield account
