"""Making, changing and deleting budgets."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from decimal import Decimal
from typing import Any

from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction

from accounts import audit
from accounts.actors import Actor
from accounts.models import Right
from billing.models import Account, Budget, Channel, Period, ScopeKind
from billing.money import display, positive
from billing.services import lock_account

from .scopes import clean_scope
from .thresholds import DEFAULT_THRESHOLDS, clean_thresholds

MAX_BUDGETS = 100  # of one organization
MAX_NAME = 80
FIELDS = ("name", "scope", "value", "amount", "period", "thresholds", "is_blocking")


@transaction.atomic
def create_budget(
    *,
    actor: Actor,
    name: str,
    amount: Decimal,
    scope: str = ScopeKind.ORGANIZATION,
    value: str = "",
    period: str = Period.MONTHLY,
    thresholds: object = None,
    is_blocking: bool = False,
    notify: Iterable[Any] = (),
) -> Budget:
    """Give the actor's organization a budget of ``amount`` per ``period``, in its account's currency; audited.

    ``thresholds`` are what :func:`clean_thresholds` takes (None: the usual ones); ``notify`` are ids of channels, none
    of which means the owners and admins by e-mail. Raises ``PermissionDenied`` and ``ValidationError`` by field.
    """
    actor.require(Right.MANAGE)
    account = lock_account(actor.tenant)
    if account.budgets.count() >= MAX_BUDGETS:
        raise ValidationError({"name": f"There are {MAX_BUDGETS} budgets already: delete one that is not needed."})
    given = {
        "name": name,
        "amount": amount,
        "scope": scope,
        "value": value,
        "period": period,
        "thresholds": DEFAULT_THRESHOLDS if thresholds is None else thresholds,
        "is_blocking": is_blocking,
    }
    fields, channels = _cleaned(actor, account, given, notify)
    budget = _saved(Budget(account=account, created_by=actor.user, **fields))
    budget.channels.set(channels)
    audit.record(actor, "budget.create", budget, actor.tenant, **_as_data(budget, channels))
    return budget


@transaction.atomic
def change_budget(*, actor: Actor, budget: Budget, **changes: Any) -> Budget:
    """Change what is given of a budget: the arguments of :func:`create_budget`; audited with what it was before.

    What was said of this period is not said again, whatever the amount becomes; a new threshold counts at once.
    Raises ``PermissionDenied``, ``ValidationError`` by field, also when it was deleted meanwhile.
    """
    actor.require(Right.MANAGE)
    account = lock_account(actor.tenant)
    found = account.budgets.select_for_update().filter(pk=budget.pk).first()
    if found is None:
        raise ValidationError({"name": "This budget was deleted meanwhile."})
    budget = found
    before = {name: getattr(budget, name) for name in FIELDS}
    if "scope" in changes and "value" not in changes:
        changes["value"] = "" if changes["scope"] == ScopeKind.ORGANIZATION else budget.value
    notify = changes.pop("notify", None)
    fields, channels = _cleaned(actor, account, {**before, **changes}, notify or (), before)
    for name, value in fields.items():
        setattr(budget, name, value)
    _saved(budget)
    if notify is not None:
        budget.channels.set(channels)
    changed = {name: _as_json(getattr(budget, name)) for name in FIELDS if getattr(budget, name) != before[name]}
    was = {name: _as_json(before[name]) for name in changed}
    notified = {} if notify is None else {"notify": [channel.name for channel in channels]}
    audit.record(actor, "budget.change", budget, actor.tenant, **changed, **notified, before=was)
    return budget


@transaction.atomic
def delete_budget(*, actor: Actor, budget: Budget) -> None:
    """Delete a budget; what was said of it stays in the list of alerts. Audited. Raises ``PermissionDenied``."""
    actor.require(Right.MANAGE)
    lock_account(actor.tenant)
    if Budget.objects.visible_to(actor).filter(pk=budget.pk).exists():
        data = _as_data(budget, list(budget.channels.all()))
        audit.record(actor, "budget.delete", budget, actor.tenant, **data)
        Budget.objects.filter(pk=budget.pk).delete()


def _cleaned(
    actor: Actor,
    account: Account,
    given: dict[str, Any],
    notify: Iterable[Any],
    before: Mapping[str, Any] | None = None,
) -> tuple[dict[str, Any], list[Channel]]:
    """The fields and channels as they are kept. Raises ``ValidationError`` with what is wrong with each field.

    A scope that stays as it was is not questioned: its cloud account may have been removed.
    """
    errors: dict[str, Any] = {}
    fields = {"is_blocking": bool(given["is_blocking"])}

    def check(name: str, clean: Any) -> None:
        try:
            fields[name] = clean(given[name])
        except ValidationError as error:
            errors[name] = error.messages

    check("name", _name)
    check("amount", _amount)
    check("period", _period)
    check("thresholds", clean_thresholds)
    scope, value = given["scope"], given["value"]
    if before is None or (scope, value) != (before["scope"], before["value"]):
        try:
            scope, value = clean_scope(actor.tenant, scope, value)
        except ValidationError as error:
            errors |= error.message_dict
    wanted = set(notify)
    channels = list(account.channels.filter(pk__in=wanted))
    if len(channels) != len(wanted):
        errors["notify"] = ["There is no such channel."]
    if errors:
        raise ValidationError(errors)
    return {**fields, "scope": scope, "value": value}, channels


def _name(given: object) -> str:
    if not isinstance(given, str) or not given.strip() or len(given.strip()) > MAX_NAME or not given.isprintable():
        raise ValidationError(f"Give it a name of at most {MAX_NAME} printable characters.")
    return given.strip()


def _amount(given: object) -> Decimal:
    try:
        return positive(given)  # type: ignore[arg-type]  # it raises TypeError for what is no Decimal
    except (TypeError, ValueError) as error:
        raise ValidationError("Give an amount above zero, below 1,000,000,000,000.") from error


def _period(given: object) -> str:
    if not isinstance(given, str) or given not in Period.values:
        raise ValidationError(f"Choose from: {', '.join(Period.values)}.")
    return given


def _saved(budget: Budget) -> Budget:
    try:
        with transaction.atomic():
            budget.save()
    except IntegrityError as error:
        constraint = getattr(getattr(error.__cause__, "diag", None), "constraint_name", None)
        if constraint != "budget_name_once":
            raise
        raise ValidationError({"name": f"There is a budget named “{budget.name}” already."}) from error
    return budget


def _as_data(budget: Budget, channels: Iterable[Channel]) -> dict[str, Any]:
    return {
        **{name: _as_json(getattr(budget, name)) for name in FIELDS},
        "amount": display(budget.amount, budget.account.currency),
        "notify": [channel.name for channel in channels],
    }


def _as_json(value: Any) -> Any:
    return str(value) if isinstance(value, Decimal) else value
