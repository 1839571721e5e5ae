from __future__ import annotations

import re
from collections.abc import Callable
from datetime import timedelta
from decimal import Decimal
from types import SimpleNamespace
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from accounts.models import User
from billing import metering, outbox, services
from billing.budgets import span_of
from billing.models import AlertKind, Budget, Channel, Severity
from clouds.models import CloudAccount
from tests.billing.test_pages import text_of
from tests.billing.usage import line, run

pytestmark = pytest.mark.django_db
Make = Callable[..., Budget]


@pytest.fixture
def client(tenant: SimpleNamespace, sign_in: Callable[..., Client]) -> Client:
    return sign_in(tenant.owner)


def words(client: Client, name: str, *args: Any, query: str = "", status: int = 200) -> str:
    answer = client.get(reverse(f"billing:{name}", args=args) + query)
    assert answer.status_code == status
    return text_of(answer.content.decode().replace("&nbsp;", " "))


def spend(organization: Any, price: str = "8", **more: Any) -> None:
    """One hour at ``price``, booked, of a machine that runs on: the present hour, which is in every present period."""
    now = timezone.now().replace(minute=0, second=0, microsecond=0)
    run(organization, line(price=price), at=now, **more)
    metering.book_usage(until=now + timedelta(hours=1))


def test_without_budgets_the_page_says_what_they_are_for(client: Client):
    assert "No budget is set" in words(client, "budget-list")


def test_the_list_says_in_words_what_its_bars_show(client: Client, budget: Make, tenant: SimpleNamespace):
    budget("Machines", "100000", scope="kind", value="vm", period="yearly", is_blocking=True, thresholds=[50])
    budget("Small", "10", period="yearly", thresholds=[75])
    spend(tenant.organization)
    text = words(client, "budget-list")
    assert "every virtual machine; refuses orders" in text
    assert "80.0 % used: 8.00 USD of 10.00 USD" in text
    assert "Likely to exceed" in text
    assert "70,080.00 USD" in text  # the run-rate of a year


def test_thirty_budgets_cost_the_queries_of_one(client: Client, budget: Make):
    budget("0")
    with CaptureQueriesContext(connection) as one:
        words(client, "budget-list")
    for number in range(1, 30):
        budget(str(number), scope="tag", value=f"team=t{number}")
    with CaptureQueriesContext(connection) as thirty:
        words(client, "budget-list")
    assert len(thirty) == len(one)


@pytest.mark.parametrize("period", ["monthly", "quarterly", "yearly"])
def test_one_budget_shows_the_course_of_its_period(client: Client, budget: Make, tenant: SimpleNamespace, period: str):
    made = budget("Small", "10", period=period, thresholds=[75, {"percent": 90, "on": "run_rate"}, 81])
    spend(tenant.organization)
    text = words(client, "budget-detail", made.pk)
    span = span_of(period, timezone.now().date())
    assert f"Used in {span.words} 8.00 USD 80.0 % of 10.00 USD, 2.00 USD left" in text
    assert "75 % of what was spent Reached" in text
    assert "81 % of what was spent Not reached" in text
    assert "90 % of the run-rate Reached" in text
    assert "owners and admins, by e-mail" in text
    assert text.count("8.00 USD 8.00 USD 80.0 %") >= 1


def test_a_new_budget_is_set_with_a_form(client: Client, tenant: SimpleNamespace):
    account = CloudAccount.objects.create(
        organization=tenant.organization, provider="aws", name="Main AWS", credentials={}, status="verified"
    )
    spend(tenant.organization, tags={"team": "data"})
    page = words(client, "budget-new")
    assert "Main AWS" in page
    assert "team=data" in page
    form = {
        "name": "Data",
        "covers": f"account:{account.pk}",
        "amount": "50",
        "period": "quarterly",
        "is_blocking": "on",
        "percent_0": "80",
        "on_0": "actual",
        "percent_3": "110",
        "on_3": "run_rate",
    }
    answer = client.post(reverse("billing:budget-new"), form)
    made = Budget.objects.get()
    assert (answer.status_code, answer["Location"]) == (302, reverse("billing:budget-detail", args=[made.pk]))
    assert (made.scope, made.value, made.amount, made.period) == ("account", str(account.pk), Decimal(50), "quarterly")
    assert made.is_blocking
    assert made.thresholds == [{"percent": 80, "on": "actual"}, {"percent": 110, "on": "run_rate"}]
    assert "the cloud account “Main AWS”" in words(client, "budget-detail", made.pk)


def test_another_tag_can_be_typed(client: Client):
    form = {"name": "Web", "covers": "tag:", "tag": "team=web", "amount": "5", "period": "monthly", "percent_0": "80"}
    assert client.post(reverse("billing:budget-new"), form).status_code == 302
    assert Budget.objects.get().value == "team=web"
    refused = client.post(reverse("billing:budget-new"), {**form, "name": "Other", "tag": "team"})
    assert refused.status_code == 422
    assert "Give a tag as name=value" in text_of(refused.content.decode())


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"name": ""}, "This field is required."),
        ({"name": "Taken"}, "There is a budget named “Taken” already."),
        ({"amount": "0"}, "Give an amount above zero"),
        ({"amount": "1e999999"}, "Ensure that there are no more than"),
        ({"covers": "kind:planet"}, "Select a valid choice"),
        ({"percent_0": ""}, "Give a list of at least one threshold"),
        ({"percent_0": "2000"}, "less than or equal to 1000"),
        ({"percent_1": "80"}, "80 % of the spent is given twice."),
        ({"notify": "6f1f4ad5-0000-4000-8000-000000000000"}, "Select a valid choice"),
    ],
)
def test_what_is_wrong_stands_in_the_form_with_all_that_was_typed(
    client: Client, budget: Make, changes: dict[str, str], said: str
):
    budget("Taken")
    form = {
        "name": "Data",
        "covers": "kind:vm",
        "amount": "50",
        "period": "monthly",
        "percent_0": "80",
        "on_0": "actual",
    }
    answer = client.post(reverse("billing:budget-new"), {**form, **changes})
    assert answer.status_code == 422
    html = answer.content.decode()
    assert said in text_of(html).replace("&#x27;", "'")
    if "name" not in changes:
        assert 'value="Data"' in html
    assert Budget.objects.count() == 1


def test_a_form_is_filled_with_what_the_budget_says(client: Client, budget: Make, tenant: SimpleNamespace):
    channel = Channel.objects.create(
        account=services.account_of(tenant.organization), name="ops", kind="email", address="a@b.c", hint="a…"
    )
    made = budget("Machines", "50.5", scope="kind", value="vm", thresholds=[10, 20, 30, 40, 50], notify=[channel.pk])
    html = client.get(reverse("billing:budget-edit", args=[made.pk])).content.decode()
    assert 'value="50.5"' in html
    assert re.search(r'<option value="kind:vm" selected', html)
    assert re.findall(r'name="percent_\d"\s+value="(\d+)"', html) == ["10", "20", "30", "40", "50"]
    assert re.search(r'name="notify"[^>]*checked', html)
    form = {"name": "Machines", "covers": "kind:vm", "amount": "60", "period": "monthly", "percent_0": "10"}
    assert client.post(reverse("billing:budget-edit", args=[made.pk]), form).status_code == 302
    made.refresh_from_db()
    assert (made.amount, made.thresholds, made.channels.count()) == (Decimal(60), [{"percent": 10, "on": "actual"}], 0)


def test_a_budget_of_a_removed_account_keeps_its_scope_in_the_form(
    client: Client, budget: Make, tenant: SimpleNamespace
):
    account = CloudAccount.objects.create(organization=tenant.organization, provider="aws", name="Old", credentials={})
    made = budget(scope="account", value=str(account.pk))
    account.delete()
    assert "A cloud account that was removed" in words(client, "budget-edit", made.pk)
    assert "a cloud account that was removed" in words(client, "budget-detail", made.pk)
    form = {
        "name": "Renamed",
        "covers": f"account:{made.value}",
        "amount": "60",
        "period": "monthly",
        "percent_0": "10",
    }
    assert client.post(reverse("billing:budget-edit", args=[made.pk]), form).status_code == 302


def test_a_budget_is_deleted(client: Client, budget: Make):
    made = budget()
    assert client.post(reverse("billing:budget-delete", args=[made.pk])).status_code == 302
    assert not Budget.objects.exists()


def test_a_viewer_reads_and_is_offered_no_change(tenant: SimpleNamespace, sign_in: Callable[..., Client], budget: Make):
    made, client = budget(), sign_in(tenant.viewer)
    assert "New budget" not in words(client, "budget-list")
    assert "Edit" not in words(client, "budget-detail", made.pk)
    assert client.get(reverse("billing:budget-edit", args=[made.pk])).status_code == 403
    assert client.post(reverse("billing:budget-delete", args=[made.pk])).status_code == 403


def said(organization: Any, key: str, **more: Any) -> None:
    known: dict[str, Any] = {"kind": AlertKind.BUDGET, "severity": Severity.WARNING, "text": "Words", "data": {}}
    outbox.announce(account=services.account_of(organization), key=key, subject=f"About {key}", **known | more)


def test_alerts_are_listed_with_where_they_went(client: Client, budget: Make, tenant: SimpleNamespace):
    made = budget("Data")
    said(tenant.organization, "one", budget=made)
    said(tenant.organization, "two", kind=AlertKind.CREDIT, severity=Severity.CRITICAL)
    text = words(client, "alert-list")
    assert text.index("About two") < text.index("About one")
    assert "Owners and admins Waiting" in text
    assert "About two" not in words(client, "alert-list", query=f"?budget={made.pk}")
    assert "About one" not in words(client, "alert-list", query="?severity=critical")
    assert "No alert fits this filter" in words(client, "alert-list", query="?kind=anomaly")
    assert "About one" in words(client, "budget-detail", made.pk)
    part = client.get(reverse("billing:alert-list"), headers={"hx-request": "true"}).content.decode()
    assert part.startswith('<div id="alert-table">')


def test_alerts_cost_the_same_queries_for_one_and_for_ten(client: Client, budget: Make, tenant: SimpleNamespace):
    made = budget()
    said(tenant.organization, "0", budget=made)
    with CaptureQueriesContext(connection) as one:
        words(client, "alert-list")
    for number in range(1, 10):
        said(tenant.organization, str(number), budget=made)
    with CaptureQueriesContext(connection) as ten:
        words(client, "alert-list")
    assert len(ten) == len(one)


def test_a_stranger_sees_nothing_of_it(
    budget: Make, tenant: SimpleNamespace, stranger: Any, sign_in: Callable[..., Client]
):
    made, client = budget("Secret plan"), sign_in(stranger)
    said(tenant.organization, "secret", budget=made)
    assert "Secret plan" not in words(client, "budget-list")
    text = words(client, "alert-list", query=f"?budget={made.pk}")
    assert "About secret" not in text
    assert "Secret plan" not in text
    for name in ("budget-detail", "budget-edit"):
        assert client.get(reverse(f"billing:{name}", args=[made.pk])).status_code == 404
    assert client.post(reverse("billing:budget-delete", args=[made.pk])).status_code == 404


def test_the_dashboard_warns_of_budgets_and_credit(
    client: Client, budget: Make, tenant: SimpleNamespace, credit: Callable[..., Any]
):
    budget("Fine", "1000000")
    budget("Over", "4")
    budget("Near", "100000", thresholds=[{"percent": 1, "on": "run_rate"}])
    credit(tenant.organization, "10")
    spend(tenant.organization)
    answer = client.get(reverse("provisioning:dashboard"))
    text = text_of(answer.content.decode())
    assert "Low credit" in text
    assert "“Over”: 200.0 % used" in text
    assert "“Near”" in text
    assert "“Fine”" not in text
    assert text.index("“Over”") < text.index("“Near”")


def test_operators_look_at_budgets_and_alerts_and_change_nothing(
    budget: Make, tenant: SimpleNamespace, sign_in: Callable[..., Client]
):
    made = budget("Machines of Acme")
    said(tenant.organization, "one", budget=made)
    client = sign_in(User.objects.create_superuser("operator@skyvend.test", "correct-horse-battery"))
    for name in ("budget", "alert"):
        listed = client.get(reverse(f"admin:billing_{name}_changelist"))
        assert listed.status_code == 200
        assert "Machines of Acme" in text_of(listed.content.decode())
        assert client.get(reverse(f"admin:billing_{name}_add")).status_code == 403
    change = reverse("admin:billing_budget_change", args=[made.pk])
    assert client.get(change).status_code == 200
    assert client.post(change, {"amount": "1"}).status_code == 403
