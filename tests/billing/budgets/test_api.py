from __future__ import annotations

import json
import uuid
from collections.abc import Callable
from datetime import timedelta
from decimal import Decimal
from types import SimpleNamespace
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from rest_framework.test import APIClient

from billing import budgets, metering, services
from billing.models import Alert, Budget
from tests.billing.usage import line, run

pytestmark = pytest.mark.django_db
URL = "/api/v1/billing/budgets"
Make = Callable[..., Budget]


@pytest.fixture
def owner(tenant: SimpleNamespace, api: Callable[..., APIClient]) -> APIClient:
    return api(tenant.owner)


def test_a_budget_is_set_and_read_back(owner: APIClient):
    body = {"name": "Data", "scope": "tag", "value": "team=data", "amount": "50", "thresholds": [80, {"percent": 100}]}
    answer = owner.post(URL, body)
    assert answer.status_code == 201, answer.json()
    span = budgets.span_of("monthly", timezone.now().date())
    made = answer.json()
    assert {name: made[name] for name in made if name not in {"id", "created_at", "updated_at"}} == {
        "name": "Data",
        "scope": "tag",
        "value": "team=data",
        "amount": "50.000000",
        "currency": "USD",
        "period": "monthly",
        "thresholds": [{"percent": 80, "on": "actual"}, {"percent": 100, "on": "actual"}],
        "notify": [],
        "is_blocking": False,
        "spent": "0.000000",
        "forecast": "0.000000",
        "run_rate": "0.000000",
        "percent": "0.0",
        "period_start": span.first.isoformat(),
        "period_end": span.last.isoformat(),
    }
    assert owner.get(f"{URL}/{made['id']}").json() == made


def test_the_figures_are_those_of_the_present_period(owner: APIClient, budget: Make, tenant: SimpleNamespace):
    budget(amount="100", scope="kind", value="vm", period="yearly")
    now = timezone.now().replace(minute=0, second=0, microsecond=0)
    run(tenant.organization, line(price="1"), at=now)
    metering.book_usage(until=now + timedelta(hours=1))
    shown = owner.get(URL).json()["results"][0]
    assert shown["spent"] == "1.000000"
    assert shown["run_rate"] == "8760.000000"
    days_left = (budgets.span_of("yearly", now.date()).last - now.date()).days
    assert Decimal(shown["forecast"]) == Decimal(shown["spent"]) + 24 * days_left


def test_a_change_changes_only_what_it_names(owner: APIClient, budget: Make):
    made = budget(thresholds=[70], scope="kind", value="vm")
    answer = owner.patch(f"{URL}/{made.pk}", {"amount": "75.5", "is_blocking": True})
    assert answer.status_code == 200
    changed = answer.json()
    assert (changed["amount"], changed["is_blocking"], changed["value"]) == ("75.500000", True, "vm")
    assert changed["thresholds"] == [{"percent": 70, "on": "actual"}]


def test_a_deleted_budget_is_gone(owner: APIClient, budget: Make):
    made = budget()
    assert owner.delete(f"{URL}/{made.pk}").status_code == 204
    assert owner.get(f"{URL}/{made.pk}").status_code == 404


WRONG: list[tuple[str, str]] = [
    ("thresholds", "[]"),
    ("thresholds", "null"),
    ("thresholds", "{}"),
    ("thresholds", '"80"'),
    ("thresholds", "[null]"),
    ("thresholds", "[[]]"),
    ("thresholds", '[{"percent": {}}]'),
    ("thresholds", '[{"percent": 80, "on": {}}]'),
    ("thresholds", '[{"percent": 80, "on": []}]'),
    ("thresholds", '["1e999999"]'),
    ("thresholds", '["\\u0000"]'),
    ("thresholds", "[1" + "0" * 400 + "]"),
    ("thresholds", "[true]"),
    ("amount", '"1e999999"'),
    ("amount", '"NaN"'),
    ("amount", "0"),
    ("amount", "-1"),
    ("amount", '"0.0000001"'),
    ("amount", "[]"),
    ("amount", "null"),
    ("amount", "1" + "0" * 30),
    ("name", '"a\\u0000b"'),
    ("name", "[]"),
    ("name", "null"),
    ("name", '"\\ud800"'),
    ("name", f'"{"x" * 81}"'),
    ("scope", "{}"),
    ("scope", "[]"),
    ("scope", "null"),
    ("value", '"team\\u0000=data"'),
    ("value", "{}"),
    ("value", '"nonsense"'),
    ("period", "[]"),
    ("period", '"weekly"'),
    ("notify", "{}"),
    ("notify", '["x"]'),
    ("notify", "[{}]"),
    ("notify", "[[]]"),
    ("notify", f'["{uuid.uuid4()}"]'),
    ("is_blocking", "{}"),
    ("is_blocking", "[]"),
    ("is_blocking", "null"),
]


@pytest.mark.parametrize(("field", "value"), WRONG, ids=range(len(WRONG)))
@pytest.mark.parametrize("method", ["post", "patch"])
def test_bad_input_is_a_400_at_its_field(owner: APIClient, budget: Make, method: str, field: str, value: str):
    made = budget(scope="tag", value="a=b")
    known = {"name": "Data", "amount": "50", "scope": "tag", "value": "team=data"}
    body = json.dumps({name: each for name, each in known.items() if name != field})[:-1] + f', "{field}": {value}}}'
    path = URL if method == "post" else f"{URL}/{made.pk}"
    answer = getattr(owner, method)(path, body, content_type="application/json")
    assert answer.status_code == 400, answer.content
    assert {error["field"].split(".")[0] for error in answer.json()["errors"]} == {field}
    assert Budget.objects.count() == 1


def test_members_read_and_only_managers_write(tenant: SimpleNamespace, api: Callable[..., APIClient], budget: Make):
    made = budget()
    for person in (tenant.member, tenant.viewer):
        client = api(person)
        assert client.get(URL).json()["count"] == 1
        assert client.post(URL, {"name": "x", "amount": "1"}).status_code == 403
        assert client.patch(f"{URL}/{made.pk}", {"amount": "1"}).status_code == 403
        assert client.delete(f"{URL}/{made.pk}").status_code == 403
    assert api(tenant.admin).patch(f"{URL}/{made.pk}", {"amount": "1"}).status_code == 200


def test_a_stranger_finds_no_budget(stranger: Any, api: Callable[..., APIClient], budget: Make):
    made, client = budget(), api(stranger)
    assert client.get(URL).json()["results"] == []
    for call in (client.get, client.patch, client.delete):
        assert call(f"{URL}/{made.pk}").status_code == 404


def test_thirty_budgets_cost_the_queries_of_one(owner: APIClient, budget: Make, tenant: SimpleNamespace):
    run(tenant.organization, line(), tags={"team": "t1"})
    budget("0")
    with CaptureQueriesContext(connection) as one:
        assert owner.get(URL).json()["count"] == 1
    for number in range(1, 30):
        budget(str(number), scope="tag", value=f"team=t{number}", period=("monthly", "quarterly", "yearly")[number % 3])
    with CaptureQueriesContext(connection) as thirty:
        assert len(owner.get(URL).json()["results"]) == 30
    assert len(thirty) == len(one)


def say(account: Any, key: str, **more: Any) -> Alert:
    known = {"kind": "budget", "severity": "warning", "subject": f"About {key}", "text": "Words", "data": {}}
    return Alert.objects.create(account=account, key=key, **known | more)


def test_alerts_are_listed_newest_first_and_narrowed(owner: APIClient, budget: Make, tenant: SimpleNamespace):
    account, made, now = services.account_of(tenant.organization), budget(), timezone.now()
    say(account, "a", budget=made, created_at=now - timedelta(days=2), data={"spent": "1.50"})
    say(account, "b", kind="credit", severity="critical", created_at=now)

    def keys(**query: Any) -> list[str]:
        return [row["key"] for row in owner.get("/api/v1/billing/alerts", query).json()["results"]]

    assert keys() == ["b", "a"]
    assert keys(kind="credit") == keys(severity="critical") == keys(**{"from": now - timedelta(days=1)}) == ["b"]
    assert keys(budget=made.pk) == keys(to=(now - timedelta(days=1)).isoformat()) == ["a"]
    assert owner.get("/api/v1/billing/alerts", {"kind": "gossip"}).status_code == 400
    assert owner.get("/api/v1/billing/alerts", {"budget": "x"}).status_code == 400
    assert owner.get("/api/v1/billing/alerts", {"from": "soon"}).status_code == 400


def test_a_strangers_alerts_are_their_own(stranger: Any, api: Callable[..., APIClient], tenant: SimpleNamespace):
    say(services.account_of(tenant.organization), "a")
    assert api(stranger).get("/api/v1/billing/alerts").json()["results"] == []
