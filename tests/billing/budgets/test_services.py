from __future__ import annotations

import uuid
from collections.abc import Callable
from decimal import Decimal
from types import SimpleNamespace
from typing import Any

import pytest
from django.core.exceptions import PermissionDenied, ValidationError

from accounts.actors import Actor
from accounts.models import AuditEvent
from billing import budgets, services
from billing.models import Budget, Channel
from clouds.models import CloudAccount

pytestmark = pytest.mark.django_db
Make = Callable[..., Budget]


@pytest.fixture
def cloud_account(tenant: SimpleNamespace) -> CloudAccount:
    return CloudAccount.objects.create(
        organization=tenant.organization, provider="aws", name="Main AWS", credentials={}, status="verified"
    )


def test_a_budget_has_the_usual_thresholds_unless_others_are_given(budget: Make):
    made = budget()
    assert (made.scope, made.value, made.period, made.amount) == ("organization", "", "monthly", Decimal(50))
    assert made.thresholds == budgets.DEFAULT_THRESHOLDS
    assert budget("Another", thresholds=[75]).thresholds == [{"percent": 75, "on": "actual"}]


@pytest.mark.parametrize("role", ["member", "viewer"])
def test_only_who_may_manage_sets_changes_and_deletes(
    role: str, tenant: SimpleNamespace, actor_for: Callable[..., Actor], budget: Make
):
    made, actor = budget(), actor_for(getattr(tenant, role))
    with pytest.raises(PermissionDenied):
        budget("Mine", actor=actor)
    with pytest.raises(PermissionDenied):
        budgets.change_budget(actor=actor, budget=made, amount=Decimal(1))
    with pytest.raises(PermissionDenied):
        budgets.delete_budget(actor=actor, budget=made)
    assert list(Budget.objects.values_list("amount", flat=True)) == [Decimal(50)]


def test_the_value_is_checked_against_the_scope(budget: Make, cloud_account: CloudAccount):
    assert budget("1", scope="provider", value="aws").value == "aws"
    assert budget("2", scope="account", value=str(cloud_account.pk).upper()).value == str(cloud_account.pk)
    assert budget("3", scope="kind", value="vm").value == "vm"
    assert budget("4", scope="tag", value=" team = data ").value == "team=data"


@pytest.mark.parametrize(
    ("scope", "value", "field"),
    [
        ("organization", "aws", "value"),
        ("provider", "ibm", "value"),
        ("provider", "", "value"),
        ("account", "7d1f2c4e-0000-4000-8000-00000000dead", "value"),
        ("account", "nonsense", "value"),
        ("kind", "aws", "value"),
        ("tag", "team", "value"),
        ("tag", "=data", "value"),
        ("tag", "team=", "value"),
        ("tag", "team=\x00", "value"),
        ("tag", "team=" + "x" * 120, "value"),
        ("planet", "earth", "scope"),
        (None, "", "scope"),
        ({}, "", "scope"),
        ("kind", None, "value"),
    ],
)
def test_a_value_that_does_not_fit_is_refused_at_its_field(budget: Make, scope: Any, value: Any, field: str):
    with pytest.raises(ValidationError) as refused:
        budget(scope=scope, value=value)
    assert list(refused.value.message_dict) == [field]


def test_the_cloud_account_of_another_tenant_is_not_known(budget: Make, stranger: Any):
    theirs = CloudAccount.objects.create(organization=stranger.organization, provider="aws", name="x", credentials={})
    with pytest.raises(ValidationError, match="no such cloud account"):
        budget(scope="account", value=str(theirs.pk))


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("name", ""),
        ("name", "   "),
        ("name", "a\x00b"),
        ("name", "x" * 81),
        ("name", None),
        ("amount", Decimal(0)),
        ("amount", Decimal(-1)),
        ("amount", Decimal("0.0000001")),
        ("amount", Decimal("1e999999")),
        ("amount", Decimal("NaN")),
        ("amount", 12.5),
        ("period", "weekly"),
        ("period", []),
        ("thresholds", []),
        ("notify", [uuid.uuid4()]),
    ],
)
def test_each_field_has_an_error_of_its_own(budget: Make, field: str, value: Any):
    given = {"name": "Team", "amount": Decimal(1), field: value}
    with pytest.raises(ValidationError) as refused:
        budget(given.pop("name"), **given) if field != "amount" else budget("Team", amount=value)
    assert list(refused.value.message_dict) == [field]


def test_all_that_is_wrong_is_said_at_once(budget: Make):
    with pytest.raises(ValidationError) as refused:
        budget("", "0", period="x", scope="kind", value="y", thresholds=[0])
    assert set(refused.value.message_dict) == {"name", "amount", "period", "value", "thresholds"}


def test_a_name_is_used_once(budget: Make):
    budget("Team data")
    with pytest.raises(ValidationError) as refused:
        budget("Team data")
    assert refused.value.message_dict == {"name": ["There is a budget named “Team data” already."]}
    other = budget("Other")
    assert Budget.objects.filter(pk=other.pk).exists()  # the transaction is still usable


def test_a_hundred_budgets_are_enough(budget: Make, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("billing.budgets.services.MAX_BUDGETS", 2)
    budget("1"), budget("2")
    with pytest.raises(ValidationError, match="2 budgets already"):
        budget("3")


def test_what_is_changed_is_audited_with_what_it_was(
    budget: Make, tenant: SimpleNamespace, actor_for: Callable[..., Actor]
):
    made = budget()
    changed = budgets.change_budget(
        actor=actor_for(tenant.admin), budget=made, amount=Decimal(80), thresholds=[90], is_blocking=True
    )
    assert (changed.name, changed.amount, changed.is_blocking) == ("All of it", Decimal(80), True)
    event = AuditEvent.objects.get(action="budget.change")
    assert event.data == {
        "amount": "80.000000",
        "thresholds": [{"percent": 90, "on": "actual"}],
        "is_blocking": True,
        "before": {"amount": "50.000000", "thresholds": budgets.DEFAULT_THRESHOLDS, "is_blocking": False},
    }


def test_a_budget_of_an_account_that_was_removed_can_still_be_changed(
    budget: Make, cloud_account: CloudAccount, tenant: SimpleNamespace, actor_for: Callable[..., Actor]
):
    made = budget(scope="account", value=str(cloud_account.pk))
    cloud_account.delete()
    changed = budgets.change_budget(actor=actor_for(tenant.owner), budget=made, name="Renamed")
    assert (changed.name, changed.value) == ("Renamed", made.value)


def test_widening_to_everything_needs_no_value(budget: Make, tenant: SimpleNamespace, actor_for: Callable[..., Actor]):
    made = budget(scope="kind", value="vm")
    changed = budgets.change_budget(actor=actor_for(tenant.owner), budget=made, scope="organization")
    assert (changed.scope, changed.value) == ("organization", "")
    with pytest.raises(ValidationError):
        budgets.change_budget(actor=actor_for(tenant.owner), budget=made, scope="provider")


def test_channels_are_the_tenants_own(
    budget: Make, tenant: SimpleNamespace, stranger: Any, actor_for: Callable[..., Actor]
):
    ours, theirs = (
        Channel.objects.create(account=services.account_of(each), name="ops", kind="email", address="a@b.c", hint="a…")
        for each in (tenant.organization, stranger.organization)
    )
    made = budget(notify=[ours.pk])
    assert list(made.channels.all()) == [ours]
    with pytest.raises(ValidationError) as refused:
        budgets.change_budget(actor=actor_for(tenant.owner), budget=made, notify=[ours.pk, theirs.pk])
    assert list(refused.value.message_dict) == ["notify"]
    budgets.change_budget(actor=actor_for(tenant.owner), budget=made, notify=[])
    assert list(made.channels.all()) == []


def test_a_deleted_budget_is_audited(budget: Make, tenant: SimpleNamespace, actor_for: Callable[..., Actor]):
    budgets.delete_budget(actor=actor_for(tenant.owner), budget=budget())
    assert not Budget.objects.exists()
    assert AuditEvent.objects.get(action="budget.delete").data["amount"] == "50.00 USD"


def test_nobody_deletes_the_budget_of_another_tenant(budget: Make, stranger: Any, actor_for: Callable[..., Actor]):
    made = budget()
    budgets.delete_budget(actor=actor_for(stranger), budget=made)
    assert Budget.objects.filter(pk=made.pk).exists()
    assert not AuditEvent.objects.filter(action="budget.delete").exists()
    with pytest.raises(ValidationError, match="deleted meanwhile"):
        budgets.change_budget(actor=actor_for(stranger), budget=made, amount=Decimal(1))
