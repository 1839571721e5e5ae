"""AWS's bill against moto's Cost Explorer, and against the simulated AWS with a bill of its own."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import date
from decimal import Decimal
from typing import Any

import httpx
import pytest

from clouds.providers import CloudUnreachable, CredentialsRefused, NotPermitted
from clouds.providers.aws_costs import read
from clouds.providers.bill import BillLine, BillQuestion
from tests.billing.refresh.server import Reply, Vendor, as_json
from tests.plugin import SimulatedCloud

KEYS = {"access_key_id": "AKIAIOSFODNN7EXAMPLE", "secret_access_key": "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"}
TAG = "skyvend-resource"
NOVEMBER = BillQuestion(date(2026, 11, 1), date(2026, 11, 30), TAG)
EC2 = "Amazon Elastic Compute Cloud - Compute"


def lines(endpoint: str, keys: dict[str, str] = KEYS, asked: BillQuestion = NOVEMBER) -> list[BillLine]:
    return list(read(keys, endpoint, asked))


def group(
    *keys: str, cost: str = "1.5", amortized: str = "", unit: str = "N/A", quantity: str = "24"
) -> dict[str, Any]:
    metrics = {
        "UnblendedCost": {"Amount": cost, "Unit": "USD"},
        "AmortizedCost": {"Amount": amortized or cost, "Unit": "USD"},
        "UsageQuantity": {"Amount": "24", "Unit": unit},
    }
    return {"Keys": list(keys), "Metrics": metrics}


def day(start: str, *groups: dict[str, Any], is_estimated: bool = False) -> dict[str, Any]:
    period = {"Start": start, "End": f"{start[:8]}{int(start[8:]) + 1:02d}"}
    return {"TimePeriod": period, "Total": {}, "Groups": list(groups), "Estimated": is_estimated}


def answer(*days: dict[str, Any], following: str = "") -> dict[str, Any]:
    return {
        "ResultsByTime": list(days),
        "DimensionValueAttributes": [],
        **({"NextPageToken": following} if following else {}),
    }


@pytest.fixture
def seeded(moto: str) -> Iterator[Any]:
    """Tell moto what its next answers are."""
    httpx.post(f"{moto}/moto-api/reset", trust_env=False)

    def seed(*answers: dict[str, Any]) -> str:
        url = f"{moto}/moto-api/static/ce/cost-and-usage-results"
        told = {"account_id": "123456789012", "results": list(answers)}
        assert httpx.post(url, json=told, trust_env=False).status_code == 201
        return moto

    yield seed
    httpx.post(f"{moto}/moto-api/reset", trust_env=False)


def test_usage_is_told_by_tag_and_service(seeded: Any) -> None:
    first = day("2026-11-01", group(f"{TAG}$r-1", EC2, cost="0.4992"), group(f"{TAG}$", "EC2 - Other", cost="0.621"))
    second = day("2026-11-02", group(f"{TAG}$r-1", EC2, cost="1E-7", amortized="0.25", unit="Hrs"), is_estimated=True)
    found = lines(seeded(answer(first, second), answer()))
    assert [(line.day, line.service_name, line.tags, line.billed_cost) for line in found] == [
        (date(2026, 11, 1), EC2, {TAG: "r-1"}, Decimal("0.4992")),
        (date(2026, 11, 1), "EC2 - Other", {}, Decimal("0.621")),
        (date(2026, 11, 2), EC2, {TAG: "r-1"}, Decimal("1E-7")),
    ]
    assert [line.is_estimated for line in found] == [False, False, True]
    assert [line.service_category for line in found] == ["Compute"] * 3
    assert [(line.quantity, line.unit) for line in found][1:] == [(None, ""), (Decimal(24), "Hrs")]
    assert (found[2].effective_cost, found[2].currency, found[2].charge_category) == (Decimal("0.25"), "USD", "Usage")


def test_every_page_is_read_and_a_day_may_go_on_on_the_next(seeded: Any) -> None:
    pages = [
        answer(day("2026-11-01", group(f"{TAG}$a", EC2)), following="two"),
        answer(day("2026-11-01", group(f"{TAG}$b", EC2)), day("2026-11-02", group(f"{TAG}$a", EC2)), following="three"),
        answer(day("2026-11-03", group(f"{TAG}$a", EC2))),
        answer(),
    ]
    assert [(line.day.day, line.tags[TAG]) for line in lines(seeded(*pages))] == [
        (1, "a"),
        (1, "b"),
        (2, "a"),
        (3, "a"),
    ]


def test_tax_and_credits_are_told_apart_from_usage(seeded: Any) -> None:
    other = day("2026-11-01", group(f"{TAG}$", "Tax", cost="2"), group(f"{TAG}$r-1", "Credit", cost="-0.5"))
    found = lines(seeded(answer(), answer(other)))
    assert [(line.charge_category, line.service_name, line.billed_cost) for line in found] == [
        ("Tax", "AWS tax", Decimal(2)),
        ("Credit", "AWS credit", Decimal("-0.5")),
    ]


def test_lines_without_any_cost_say_nothing(seeded: Any) -> None:
    assert lines(seeded(answer(day("2026-11-01", group(f"{TAG}$", EC2, cost="0"))), answer())) == []


def test_the_simulated_aws_answers_the_same_question_the_same_way_again_and_again(aws_cloud: SimulatedCloud) -> None:
    keys = aws_cloud.control("POST", "principals").json()
    rows = [
        {"day": f"2026-11-{number % 28 + 1:02d}", "service": EC2, "cost": "0.5", "tags": {TAG: f"r-{number}"}}
        for number in range(250)
    ]
    rows += [{"day": "2026-11-05", "service": "x", "cost": "-3", "category": "Credit"}]
    rows += [{"day": "2026-10-31", "service": EC2, "cost": "9"}, {"day": "2026-12-01", "service": EC2, "cost": "9"}]
    aws_cloud.control("PUT", "bill", {"access_key_id": keys["access_key_id"], "rows": rows})
    found = lines(aws_cloud.endpoint, keys)
    assert len(found) == 251
    assert sum(line.billed_cost for line in found) == 122
    assert lines(aws_cloud.endpoint, keys) == found


ERROR = "application/x-amz-json-1.1"


def failure(code: str, status: int = 400, message: str = "no") -> Reply:
    return as_json({"__type": code, "message": message}, status=status, headers={"Content-Type": ERROR})


@pytest.fixture
def vendor(monkeypatch: pytest.MonkeyPatch) -> Iterator[Vendor]:
    monkeypatch.setattr("time.sleep", lambda _: None)
    server = Vendor()
    yield server
    server.close()


def test_throttling_is_waited_out(vendor: Vendor) -> None:
    full = as_json(answer(day("2026-11-01", group(f"{TAG}$r-1", EC2))))
    vendor.on("/", failure("LimitExceededException"), failure("ThrottlingException"), full, as_json(answer()))
    assert [line.tags for line in lines(vendor.url)] == [{TAG: "r-1"}]
    assert len(vendor.asked) == 4


def test_throttling_without_end_is_said(vendor: Vendor) -> None:
    vendor.on("/", failure("LimitExceededException"))
    with pytest.raises(CloudUnreachable, match="LimitExceededException"):
        lines(vendor.url)
    assert len(vendor.asked) == 6


def test_a_missing_permission_is_named_with_what_to_do(vendor: Vendor) -> None:
    vendor.on("/", failure("AccessDeniedException", message=f"{KEYS['secret_access_key']} may not"))
    with pytest.raises(NotPermitted, match="Add ce:GetCostAndUsage") as caught:
        lines(vendor.url)
    assert KEYS["secret_access_key"] not in str(caught.value)
    assert caught.value.__cause__ is None


def test_days_that_have_no_data_yet_are_said(vendor: Vendor) -> None:
    vendor.on("/", failure("DataUnavailableException"))
    with pytest.raises(CloudUnreachable, match="takes a day to fill"):
        lines(vendor.url)


def test_keys_that_are_refused_are_said(vendor: Vendor) -> None:
    vendor.on("/", failure("UnrecognizedClientException"))
    with pytest.raises(CredentialsRefused, match="does not know this access key"):
        lines(vendor.url)


def test_an_answer_that_is_cut_off_is_no_answer(vendor: Vendor) -> None:
    whole = json.dumps(answer(day("2026-11-01", group(f"{TAG}$r-1", EC2)))).encode()
    vendor.on("/", Reply(whole[:80], promised=len(whole) - 80))
    with pytest.raises(CloudUnreachable):
        lines(vendor.url)
