"""Pricing anew what runs: what was agreed goes on until an operator says otherwise."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from decimal import Decimal
from io import StringIO
from types import SimpleNamespace
from typing import Any

import pytest
from django.core.exceptions import PermissionDenied
from django.core.management import CommandError, call_command
from django.test import Client
from django.utils import timezone

from accounts.actors import Actor, system_actor
from accounts.models import AuditEvent, Organization, User
from billing import metering, prices
from billing.models import Hold, Meter, Price, Quote, UsageRecord
from provisioning import metered, services
from provisioning.models import Resource, Run
from tests.billing.agreeing import agree
from tests.provisioning.conftest import VM, activate

Order = Callable[..., Run]
pytestmark = pytest.mark.django_db


@pytest.fixture
def machine(order: Order) -> Resource:
    """Active for three hours."""
    return running(order("web-1"))


def running(run: Run) -> Resource:
    resource = activate(run)
    metered.start(resource, at=timezone.now() - timedelta(hours=3))
    return resource


def reprice(resource: Resource) -> Any:
    return services.reprice(actor=system_actor(resource.organization), resource=resource)


def rates(resource: Resource) -> dict[str, Decimal]:
    """What its running meters charge per unit."""
    meters = Meter.objects.running().filter(resource__reference=resource.hold_reference)
    return dict(meters.values_list("sku", "unit_price"))


def charged(resource: Resource) -> list[Any]:
    records = UsageRecord.objects.filter(resource__reference=resource.hold_reference)
    return list(records.order_by("hour", "meter__line", "meter__starts_at").values_list("hour", "seconds", "amount"))


def command(*options: str) -> str:
    out = StringIO()
    call_command("reprice", *options, stdout=out, stderr=out)
    return out.getvalue()


def test_a_new_price_alone_changes_nothing_that_runs(machine: Resource, tenant: SimpleNamespace) -> None:
    before = rates(machine)
    agree(tenant.organization, "-50")
    Price.objects.filter(is_current=True).update(amount=9)
    prices.forget_table()
    metering.book_usage()
    assert rates(machine) == before
    assert 0 < max(amount for _, _, amount in charged(machine)) < Decimal("0.03")  # and not 9


def test_pricing_anew_changes_what_is_used_from_now_on_and_nothing_before(
    machine: Resource, tenant: SimpleNamespace
) -> None:
    metering.book_usage()
    past, before = charged(machine), rates(machine)
    agree(tenant.organization, "-50")

    found = reprice(machine)

    assert rates(machine) == {sku: price / 2 for sku, price in before.items()}
    machine.refresh_from_db()
    assert (machine.hourly_cost, machine.monthly_cost) == (found.quoted.hourly, found.quoted.monthly)
    assert found.difference == machine.monthly_cost - found.monthly_before < 0
    assert charged(machine) == past
    metering.book_usage(until=timezone.now() + timedelta(hours=2))
    assert charged(machine)[: len(past)] == past
    last = sum(row[2] for row in charged(machine)[-3:])  # the newest whole hour
    assert last == pytest.approx(machine.hourly_cost, abs=Decimal("0.000003"))


def test_it_keeps_a_quote_is_audited_and_is_done_once(machine: Resource, tenant: SimpleNamespace) -> None:
    agree(tenant.organization, "10")
    before = machine.monthly_cost
    assert reprice(machine) is not None
    meters = list(Meter.objects.values_list("pk", "starts_at", "ends_at"))
    assert reprice(machine) is None
    assert list(Meter.objects.values_list("pk", "starts_at", "ends_at")) == meters
    assert Quote.objects.filter(reference=machine.hold_reference).count() == 2
    event = AuditEvent.objects.get(action="resource.reprice")
    assert (event.data["monthly_before"], event.target_id) == (str(before), str(machine.pk))


def test_a_dearer_price_leaves_the_hold_and_a_cheaper_shrinks_it(machine: Resource, tenant: SimpleNamespace) -> None:
    held = Hold.objects.get(reference=machine.hold_reference).amount
    agree(tenant.organization, "100")
    reprice(machine)
    assert Hold.objects.get(reference=machine.hold_reference).amount == held
    agree(tenant.organization, "-90")
    reprice(machine)
    assert Hold.objects.get(reference=machine.hold_reference).amount < held


@pytest.mark.parametrize("status", ["stopped", "failed"])
def test_what_a_stop_ended_stays_ended(machine: Resource, tenant: SimpleNamespace, status: str) -> None:
    metering.pause_meters(
        organization=machine.organization, reference=machine.hold_reference, at=timezone.now() - timedelta(minutes=5)
    )
    Resource.objects.filter(pk=machine.pk).update(status=status)
    before = rates(machine)
    assert "aws:compute:t3.small" not in before
    agree(tenant.organization, "-50")
    reprice(machine)
    assert rates(machine) == {sku: price / 2 for sku, price in before.items()}
    machine.refresh_from_db()
    machine.status = "active"
    metered.start(machine)  # as when it is started
    assert rates(machine)["aws:compute:t3.small"] == Decimal("0.0114")


def test_what_a_canceled_change_was_quoted_is_not_what_is_priced_anew(
    machine: Resource, tenant: SimpleNamespace, actor_for: Callable[..., Actor]
) -> None:
    run = services.request_update(actor=actor_for(tenant.member), resource=machine, inputs={**VM, "size": "xlarge"})
    agree(tenant.organization, "-50")
    with pytest.raises(services.RunInProgress):
        reprice(machine)
    services.cancel_run(actor=actor_for(tenant.member), run=run)
    reprice(machine)
    assert sorted(rates(machine)) == ["aws:compute:t3.small", "aws:disk:gp3", "aws:ipv4"]


def test_what_is_not_metered_is_not_priced_anew(order: Order, tenant: SimpleNamespace) -> None:
    pending = order("web-1").resource
    unmetered = activate(order("web-2"))
    gone = running(order("web-3"))
    services.forget(actor=system_actor(tenant.organization), resource=activate_again(gone))
    agree(tenant.organization, "-50")
    for resource in (pending, unmetered, gone):
        with pytest.raises(services.NotPossible):
            reprice(resource)
    assert Quote.objects.count() == 3


def activate_again(resource: Resource) -> Resource:
    resource.refresh_from_db()
    return resource


def test_only_operators_price_anew(machine: Resource, tenant: SimpleNamespace, actor_for: Callable[..., Actor]) -> None:
    with pytest.raises(PermissionDenied):
        services.reprice(actor=actor_for(tenant.owner), resource=machine)


def test_the_books_agree_after_pricing_anew(machine: Resource, tenant: SimpleNamespace) -> None:
    for percent in ("-50", "300", "-90"):
        agree(tenant.organization, percent)
        reprice(machine)
        metering.book_usage()
    metering.book_usage(until=timezone.now() + timedelta(hours=3))
    out = StringIO()
    call_command("check_ledger", stdout=out)
    assert out.getvalue().startswith("The books agree")


# --- the command ----------------------------------------------------------------------------------------------------


def test_a_dry_run_shows_every_line_and_the_total_and_writes_nothing(
    machine: Resource, order: Order, tenant: SimpleNamespace
) -> None:
    running(order("files-1", "aws/bucket"))
    agree(tenant.organization, "-50", sku_prefix="aws:compute:")
    before = (rates(machine), Quote.objects.count())
    shown = command("--dry-run").splitlines()
    assert shown[0].split() == [
        "tenant",
        "resource",
        "SKU",
        "unit",
        "price",
        "new",
        "per",
        "month",
        "new",
        "difference",
    ]
    assert shown[1].split() == ["acme", "web-1", "aws:compute:t3.small", "0.0228", "0.0114", "16.64", "8.32", "-8.32"]
    assert shown[2].startswith("1 resources would change: ")
    assert shown[2].endswith(", -8.32.")
    assert shown[3] == "Dry run: nothing was written."
    assert (rates(machine), Quote.objects.count()) == before


def test_the_command_does_what_its_dry_run_said_and_then_finds_nothing(
    machine: Resource, order: Order, tenant: SimpleNamespace
) -> None:
    agree(tenant.organization, "-50")
    working = running(order("busy-1"))
    services.detect_drift(actor=system_actor(tenant.organization), resource=working)
    dry = command("--dry-run").splitlines()
    done = command().splitlines()
    assert done[:-1] == dry[:-2]
    assert any("acme/busy-1 keeps its price: Something else is already running" in line for line in done)
    assert done[-1] == dry[-2].replace("would change", "changed")
    assert rates(machine)["aws:compute:t3.small"] == Decimal("0.0114")
    assert command().splitlines()[-1].startswith("0 resources changed: 0.00 a month becomes 0.00, +0.00.")


def test_one_tenant_may_be_named(machine: Resource, tenant: SimpleNamespace) -> None:
    Organization.objects.create(name="Other", slug="other")
    agree(tenant.organization, "-50")
    assert command("--organization", "other", "--dry-run").startswith("0 resources")
    assert "1 resources would change" in command("--organization", "acme", "--dry-run")
    with pytest.raises(CommandError, match="There is no organization “nobody”"):
        command("--organization", "nobody")


# --- the operators' page --------------------------------------------------------------------------------------------


def test_an_operator_sees_the_difference_and_then_prices_anew(
    machine: Resource, tenant: SimpleNamespace, sign_in: Callable[[User], Client]
) -> None:
    client = sign_in(User.objects.create_superuser("operator@skyvend.test", "correct-horse-battery"))
    agree(tenant.organization, "-50", sku_prefix="aws:compute:")
    chosen = {"action": "reprice", "_selected_action": [str(machine.pk)]}
    url = "/admin/provisioning/resource/"
    shown = client.post(url, chosen)
    assert shown.context["table"]["rows"] == [
        ["Acme", "web-1", "aws:compute:t3.small", "0.0228", "0.0114", "16.64", "8.32", "-8.32"]
    ]
    assert rates(machine)["aws:compute:t3.small"] == Decimal("0.0228")
    page = client.post(url, {**chosen, "agree": "1"}, follow=True).content.decode()
    assert "1 looked at" in page
    assert rates(machine)["aws:compute:t3.small"] == Decimal("0.0114")
    assert AuditEvent.objects.get(action="resource.reprice").actor_label == "operator operator@skyvend.test"
    assert "Nothing would change" in client.post(url, chosen).content.decode()
