"""Orders, changes and starts against budgets: through the services, the API and the pages."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from types import SimpleNamespace
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from accounts.actors import Actor
from billing import services as billing
from billing.ledger import differences
from billing.limits import BudgetExceeded
from billing.models import Budget, Hold
from provisioning import metered, services
from provisioning.models import Resource, Run
from tests.billing.test_concurrency import at_once
from tests.billing.test_pages import text_of

from .conftest import VM, activate

Order = Callable[..., Run]


@pytest.fixture
def limit(tenant: SimpleNamespace) -> Callable[..., Budget]:
    """``limit("20")``: a budget of so much a year that refuses orders. A year, so that the day does not matter."""

    def make(amount: str, **more: Any) -> Budget:
        known = {"name": "Team data", "period": "yearly", "is_blocking": True, "thresholds": []}
        account = billing.account_of(tenant.organization)
        return Budget.objects.create(account=account, amount=Decimal(amount), **known | more)

    return make


def yearly(run: Run) -> Decimal:
    return run.resource.hourly_cost * 8760


@pytest.mark.django_db
def test_an_order_that_would_break_it_is_refused_and_leaves_nothing(order: Order, limit: Callable[..., Budget]):
    first = order("web-1")
    limit(str(yearly(first) * Decimal("1.5")))
    with pytest.raises(BudgetExceeded) as refused:
        order("web-2")
    assert "With this, what runs would cost" in str(refused.value)
    assert "more than the budget “Team data” allows" in str(refused.value)
    assert Resource.objects.count() == Run.objects.count() == Hold.objects.count() == 1
    assert list(differences()) == []


@pytest.mark.django_db
def test_what_runs_and_what_is_pending_count_alike(order: Order, limit: Callable[..., Budget]):
    first = order("web-1")
    limit(str(yearly(first) * Decimal("2.5")))
    metered.start(activate(first))
    order("web-2")  # one runs, this one is pending
    with pytest.raises(BudgetExceeded):
        order("web-3")


@pytest.mark.django_db
def test_what_ended_no_longer_counts(order: Order, limit: Callable[..., Budget]):
    first = order("web-1")
    limit(str(yearly(first) * Decimal("1.5")))
    Run.objects.filter(pk=first.pk).update(status="failed", finished_at="2026-01-01T00:00Z")
    order("web-2")
    assert Resource.objects.count() == 2


@pytest.mark.django_db
def test_a_budget_about_something_else_lets_it_pass(order: Order, limit: Callable[..., Budget]):
    limit("1", scope="kind", value="bucket", name="1")
    limit("1", scope="provider", value="gcp", name="2")
    limit("1", scope="tag", value="team=data", name="3")
    order("web-1", tags={"team": "web"})
    with pytest.raises(BudgetExceeded):
        order("web-2", tags={"team": "data"})


@pytest.mark.django_db
def test_a_budget_that_only_warns_refuses_nothing(order: Order, limit: Callable[..., Budget]):
    limit("1", is_blocking=False)
    assert order("web-1").status == "queued"


@pytest.mark.django_db
def test_a_change_that_adds_too_much_is_refused(
    order: Order, limit: Callable[..., Budget], tenant: SimpleNamespace, actor_for: Callable[..., Actor]
):
    first = order("web-1")
    resource, actor = activate(first), actor_for(tenant.member)
    metered.start(resource)
    budget = limit(str(yearly(first) * Decimal("1.1")))
    larger = services.merged_inputs(resource, {"size": "xlarge"})
    with pytest.raises(BudgetExceeded):
        services.request_update(actor=actor, resource=resource, inputs=larger)
    resource.refresh_from_db()
    assert (resource.status, resource.hourly_cost) == ("active", first.resource.hourly_cost)
    Budget.objects.filter(pk=budget.pk).update(amount=Decimal(1))
    smaller = services.merged_inputs(resource, {"size": "micro"})
    assert services.request_update(actor=actor, resource=resource, inputs=smaller).status == "queued"


@pytest.mark.django_db
def test_starting_a_stopped_machine_counts_what_it_adds(
    order: Order, limit: Callable[..., Budget], tenant: SimpleNamespace, actor_for: Callable[..., Actor]
):
    resource = activate(order("web-1"), status="stopped")
    limit("1")
    with pytest.raises(BudgetExceeded):
        services.request_start(actor=actor_for(tenant.member), resource=resource)
    Budget.objects.all().delete()
    assert services.request_start(actor=actor_for(tenant.member), resource=resource).operation == "start"


@pytest.mark.django_db
def test_an_order_without_blocking_budgets_takes_no_query_more(order: Order, limit: Callable[..., Budget]):
    order("warm-up")
    with CaptureQueriesContext(connection) as without:
        order("web-1")
    limit("1", is_blocking=False)
    with CaptureQueriesContext(connection) as with_a_warning:
        order("web-2")
    assert len(with_a_warning) == len(without)
    limit("1000000", name="Large")
    with CaptureQueriesContext(connection) as with_a_limit:
        order("web-3")
    assert len(with_a_limit) - len(without) <= 7


@pytest.mark.django_db(transaction=True)
def test_twelve_orders_at_once_under_a_budget_for_three_are_exactly_three(
    order: Order, limit: Callable[..., Budget], tenant: SimpleNamespace, actor_for: Callable[..., Actor]
):
    limit(str(yearly(order("web-0")) * Decimal("4.5")))
    results = at_once(12, lambda number: order(f"web-{number + 1}", actor=actor_for(tenant.member)))
    assert sum(isinstance(result, Run) for result in results) == 3
    assert sum(isinstance(result, BudgetExceeded) for result in results) == 9
    assert Resource.objects.count() == Hold.objects.open().count() == 4
    assert list(differences()) == []


@pytest.mark.django_db
def test_the_api_answers_402_with_the_budgets(
    order: Order,
    limit: Callable[..., Budget],
    tenant: SimpleNamespace,
    api: Callable[..., Any],
    cloud_account: Any,
):
    budget = limit("1")
    body = {"name": "web-1", "offering": "aws/vm", "cloud_account": str(cloud_account.pk), "inputs": VM}
    answer = api(tenant.member).post("/api/v1/resources", body)
    assert (answer.status_code, answer["Content-Type"]) == (402, "application/problem+json")
    problem = answer.json()
    assert problem["code"] == "budget_exceeded"
    assert problem["type"] == "urn:skyvend:problem:budget_exceeded"
    [broken] = problem["budgets"]
    assert (broken["id"], broken["name"], broken["amount"]) == (str(budget.pk), "Team data", "1.000000")
    assert Decimal(broken["over"]) == max(Decimal(broken["expected"]), Decimal(broken["run_rate"])) - 1
    assert not Resource.objects.exists()


@pytest.mark.django_db
def test_the_price_panel_warns_and_leaves_the_button_on(
    order: Order, limit: Callable[..., Budget], tenant: SimpleNamespace, sign_in: Callable[..., Client], filled: Any
):
    limit("1", is_blocking=False)
    html = (
        sign_in(tenant.member).get(reverse("provisioning:resource-order-price", args=["vm"]), filled).content.decode()
    )
    text = text_of(html)
    assert "more than the budget “Team data” allows (1.00 USD)." in text
    assert "data-order-button>" in html


@pytest.mark.django_db
def test_the_price_panel_switches_the_button_off_and_says_why(
    order: Order, limit: Callable[..., Budget], tenant: SimpleNamespace, sign_in: Callable[..., Client], filled: Any
):
    limit("1", scope="tag", value="team=data")
    client, path = sign_in(tenant.member), reverse("provisioning:resource-order-price", args=["vm"])
    assert "data-order-button>" in client.get(path, filled).content.decode()
    html = client.get(path, {**filled, "tags": "team=data"}).content.decode()
    assert "data-order-button disabled" in html
    assert "The budget “Team data” does not allow this." in text_of(html)


@pytest.mark.django_db
def test_a_refused_order_stands_in_the_form(
    order: Order, limit: Callable[..., Budget], tenant: SimpleNamespace, sign_in: Callable[..., Client], filled: Any
):
    limit("1")
    answer = sign_in(tenant.member).post(reverse("provisioning:resource-order", args=["vm"]), filled)
    assert answer.status_code == 422
    assert "more than the budget “Team data” allows" in text_of(answer.content.decode())
    assert not Resource.objects.exists()


@pytest.mark.django_db
def test_the_panel_of_a_change_warns_of_what_it_adds(
    order: Order, limit: Callable[..., Budget], tenant: SimpleNamespace, sign_in: Callable[..., Client], filled: Any
):
    first = order("web-1")
    resource = activate(first)
    metered.start(resource)
    limit(str(yearly(first) * Decimal("1.1")))
    client, path = sign_in(tenant.member), reverse("provisioning:resource-price", args=[resource.pk])
    assert "Team data" not in text_of(client.get(path, {**resource.inputs, "size": "small"}).content.decode())
    html = client.get(path, {**resource.inputs, "size": "xlarge"}).content.decode()
    assert "more than the budget “Team data” allows" in text_of(html)
    assert "data-order-button disabled" in html
