import re

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from billing import services
from billing.anomalies import find_anomalies
from billing.models import CostAnomaly
from tests.billing.forecasting.history import DAY, TODAY, running

URL = "/billing/anomalies/"


def text_of(answer):
    """The words within the page's main part."""
    main = answer.content.decode().split("<main", 1)[-1].split("</main>")[0]
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", main)).replace("\xa0", " ")


@pytest.fixture
def anomaly(tenant):
    running(tenant.organization, "base", per_day=10, days=42)
    running(tenant.organization, "cluster", per_day=48, days=1)
    [found] = find_anomalies(services.account_of(tenant.organization), TODAY - DAY)
    return found


def address(anomaly):
    return reverse("billing:anomaly-acknowledge", args=[anomaly.pk])


def test_without_any_the_page_says_when_there_will_be(tenant, sign_in):
    text = text_of(sign_in(tenant.viewer).get(URL))
    assert "No unusual costs" in text
    assert "once there are two weeks of them" in text


def test_the_list_says_what_cost_more_and_why(anomaly, tenant, sign_in):
    text = text_of(sign_in(tenant.member).get(URL))
    for words in (
        "Tue 2 Jun 2026 All resources together · New resource",
        "cluster is new: t3.small, since 2 Jun, 00:00 UTC (+48.00 USD)",
        "10.00 USD 58.00 USD +48.00 USD",
        "New Acknowledge",
    ):
        assert words in text


def test_a_filter_that_nothing_fits_says_so(anomaly, tenant, sign_in):
    client = sign_in(tenant.viewer)
    assert "Nothing fits this filter" in text_of(client.get(f"{URL}?cause=price"))
    assert "cluster" in text_of(client.get(f"{URL}?status=new"))
    part = client.get(f"{URL}?status=new", headers={"HX-Request": "true"}).content.decode()
    assert part.startswith('<div id="anomaly-table">')


def test_acknowledging_shows_who_did(anomaly, tenant, sign_in):
    client = sign_in(tenant.member)
    answer = client.post(address(anomaly))
    assert (answer.status_code, answer.headers["Location"]) == (302, URL)
    text = text_of(client.get(URL))
    assert "Acknowledged by member@acme.test, just now" in text
    assert "Acknowledge</button>" not in client.get(URL).content.decode()


def test_with_javascript_the_row_changes_in_place(anomaly, tenant, sign_in):
    answer = sign_in(tenant.owner).post(address(anomaly), headers={"HX-Request": "true"})
    assert answer.content.decode().startswith(f'<tr id="anomaly-{anomaly.pk}">')
    assert "Acknowledged" in answer.content.decode()


def test_a_viewer_sees_no_button_and_may_not(anomaly, tenant, sign_in):
    client = sign_in(tenant.viewer)
    assert "Acknowledge</button>" not in client.get(URL).content.decode()
    assert client.post(address(anomaly)).status_code == 403
    assert CostAnomaly.objects.get().status == "new"


def test_a_list_of_three_costs_as_many_queries_as_one(anomaly, tenant, sign_in):
    client = sign_in(tenant.viewer)
    with CaptureQueriesContext(connection) as one:
        client.get(URL)
    for number in (8, 9):
        CostAnomaly.objects.create(
            account=anomaly.account, day=TODAY - number * DAY, scope="kind", value="vm", label="VM", expected=1,
            actual=3, excess=2, cause="hours", detail={"resources": [], "others": 0},
        )  # fmt: skip
    with CaptureQueriesContext(connection) as three:
        assert client.get(URL).content.decode().count("<tr id=") == 3
    assert len(one) == len(three)


def test_a_resource_that_is_ours_is_linked(tenant, sign_in):
    running(tenant.organization, "base", per_day=10, days=42)
    running(tenant.organization, "5a1c7f0e-0000-4000-8000-000000000001", per_day=48, days=1)
    find_anomalies(services.account_of(tenant.organization), TODAY - DAY)
    assert b'href="/resources/5a1c7f0e-0000-4000-8000-000000000001/"' in sign_in(tenant.viewer).get(URL).content


def test_the_costs_page_marks_the_day(anomaly, tenant, sign_in):
    page = sign_in(tenant.viewer).get("/billing/costs/?period=custom&first=2026-06-01&last=2026-06-03").content.decode()
    assert page.count('data-status="unusual"') == 1
