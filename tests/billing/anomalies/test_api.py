import uuid

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from accounts.models import AuditEvent
from billing import services
from billing.anomalies import find_anomalies
from billing.models import CostAnomaly
from tests.billing.forecasting.history import DAY, TODAY, running

URL = "/api/v1/billing/anomalies"


@pytest.fixture
def anomaly(tenant):
    running(tenant.organization, "base", per_day=10, days=42)
    running(tenant.organization, "cluster", per_day=48, days=1)
    [found] = find_anomalies(services.account_of(tenant.organization), TODAY - DAY)
    return found


def another(anomaly, day):
    return CostAnomaly.objects.create(
        account=anomaly.account, day=day, scope="kind", value="vm", label="VM", expected=1, actual=3, excess=2,
        cause="hours", detail={"resources": [], "others": 0},
    )  # fmt: skip


def test_an_anomaly_says_what_was_expected_what_came_and_why(anomaly, tenant, api):
    [found] = api(tenant.viewer).get(URL).json()["results"]
    assert found.pop("created_at")
    assert found == {
        "id": str(anomaly.pk),
        "day": "2026-06-02",
        "scope": "organization",
        "value": "",
        "label": "All resources together",
        "expected": "10.000000",
        "actual": "58.000000",
        "excess": "48.000000",
        "currency": "USD",
        "cause": "new",
        "resources": [
            {
                "reference": "resource:cluster",
                "name": "cluster",
                "provider": "aws",
                "kind": "vm",
                "expected": "0.000000",
                "actual": "48.000000",
                "excess": "48.000000",
                "cause": "new",
                "text": "is new: t3.small, since 2 Jun, 00:00 UTC",
            }
        ],
        "others": 0,
        "status": "new",
        "acknowledged_by": None,
        "acknowledged_at": None,
    }


def test_the_list_narrows_and_orders(anomaly, tenant, api):
    another(anomaly, TODAY - 9 * DAY)
    client = api(tenant.viewer)
    counts = {
        query: [each["day"] for each in client.get(f"{URL}?{query}").json()["results"]]
        for query in ("", "scope=kind", "cause=new", "from=2026-06-01", "to=2026-06-01", "status=acknowledged")
    }
    late, early = "2026-06-02", "2026-05-25"
    assert list(counts.values()) == [[late, early], [early], [late], [late], [early], []]
    assert client.get(f"{URL}?status=gone").status_code == 400


def test_acknowledging_says_who_and_when_and_only_the_first_counts(anomaly, tenant, api):
    answer = api(tenant.member).post(f"{URL}/{anomaly.pk}/acknowledge")
    assert answer.status_code == 200
    assert (answer.json()["status"], answer.json()["acknowledged_by"]) == ("acknowledged", tenant.member.email)
    assert answer.json()["acknowledged_at"]
    again = api(tenant.owner).post(f"{URL}/{anomaly.pk}/acknowledge")
    assert again.json() == answer.json()
    assert AuditEvent.objects.filter(action="anomaly.acknowledge").count() == 1


def test_a_viewer_may_look_and_a_stranger_may_not(anomaly, tenant, stranger, api):
    address = f"{URL}/{anomaly.pk}"
    assert api(tenant.viewer).get(address).status_code == 200
    assert api(tenant.viewer).post(f"{address}/acknowledge").status_code == 403
    assert api(stranger).get(address).status_code == 404
    assert api(stranger).post(f"{address}/acknowledge").status_code == 404
    assert api(tenant.owner).post(f"{URL}/{uuid.uuid4()}/acknowledge").status_code == 404
    assert CostAnomaly.objects.get().status == "new"


def test_a_list_of_three_costs_as_many_queries_as_one(anomaly, tenant, api):
    client = api(tenant.viewer)
    with CaptureQueriesContext(connection) as one:
        client.get(URL)
    for number in (8, 9):
        another(anomaly, TODAY - number * DAY)
    with CaptureQueriesContext(connection) as three:
        assert client.get(URL).json()["count"] == 3
    assert len(one) == len(three)
