from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from billing import services
from billing.forecasting.making import forecast_account

from .history import DAY, TODAY, midnight, running

URL = "/api/v1/billing/forecast"
NOW = midnight(TODAY) + timedelta(hours=3)


@pytest.fixture
def client(tenant, api, time_machine):
    time_machine.move_to(NOW)
    return api(tenant.viewer)


@pytest.fixture
def forecast(client, tenant):
    running(tenant.organization, "web", per_day=24, tags={"team": "data"})
    running(tenant.organization, "files", per_day=6, kind="bucket")
    forecast_account(services.account_of(tenant.organization), now=NOW)


def test_days_come_with_their_band_and_the_end_of_the_month(client, forecast):
    answer = client.get(f"{URL}?scope=kind&value=vm&from=2026-06-04&to=2026-06-05")
    assert answer.status_code == 200
    found = answer.json()
    days, month_end = found.pop("days"), found.pop("month_end")
    assert found == {"scope": "kind", "value": "vm", "currency": "USD"}
    assert [day["day"] for day in days] == ["2026-06-04", "2026-06-05"]
    assert days[0] == {
        "day": "2026-06-04",
        "amount": "24.000000",
        "low": "24.000000",
        "high": "24.000000",
        "method": "what runs",
        "made_at": "2026-06-03T03:00:00Z",
    }
    assert month_end == {"amount": "696.000000", "low": "696.000000", "high": "696.000000", "method": "what runs"}


def test_without_days_it_is_today_and_a_quarter_of_everything(client, forecast):
    found = client.get(URL).json()
    assert (found["scope"], found["value"], len(found["days"])) == ("organization", "", 93)
    assert found["days"][0]["day"] == str(TODAY)
    assert found["days"][-1]["day"] == str(TODAY + 92 * DAY)


def test_a_young_tenant_has_no_days_but_an_end_of_the_month(client, tenant):
    running(tenant.organization, per_day=24, days=2)
    found = client.get(URL).json()
    assert found["days"] == []
    assert found["month_end"]["method"] == "run rate"
    assert found["month_end"]["amount"] == "696.000000"


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("scope=colour", "scope"),
        ("scope=kind", "value"),
        ("value=vm", "value"),
        ("from=tomorrow", "from"),
        ("from=2026-06-04&to=2026-06-03", "from"),
        ("from=9999-12-31", "from"),
    ],
)
def test_what_cannot_be_asked_is_refused_with_the_field(client, query, field):
    answer = client.get(f"{URL}?{query}")
    assert (answer.status_code, answer.headers["Content-Type"]) == (400, "application/problem+json")
    assert [error["field"] for error in answer.json()["errors"]] == [field]


def test_a_stranger_sees_nothing_of_it(api, stranger, forecast):
    found = api(stranger).get(URL).json()
    assert found["days"] == []
    assert found["month_end"]["amount"] == "0.000000"


def test_reading_does_not_depend_on_how_much_there_is(client, forecast):
    with CaptureQueriesContext(connection) as few:
        client.get(f"{URL}?to=2026-06-05")
    with CaptureQueriesContext(connection) as many:
        client.get(URL)
    assert len(few) == len(many)
