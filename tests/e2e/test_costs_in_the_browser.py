"""A tenant with a past, in the browser: every figure of every chart is the table's and the API's."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from decimal import Decimal
from typing import Any

import httpx
import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect

from tests.e2e.conftest import is_mistake
from tests.e2e.stack import Stack, running_stack

GROUPINGS = ["provider", "account", "kind", "resource", "tag", "day"]
OPTION = """name => {
  const chart = echarts.getInstanceByDom(document.querySelector(`[data-source="${name}"]`));
  return chart.getOption();
}"""
PLACES = Decimal("0.000001")


@pytest.fixture(scope="module")
def past(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """A trial whose second tenant has ninety days of history."""
    with running_stack(tmp_path_factory.mktemp("skyvend-past") / "data", HISTORY_DAYS="90") as stack:
        yield stack


@pytest.fixture
def context(past: Stack, browser: Browser) -> Iterator[BrowserContext]:
    """Signed in as the owner of the tenant with a past."""
    context = browser.new_context(viewport={"width": 1440, "height": 900})
    page = context.new_page()
    page.goto(f"{past.url}/accounts/login/")
    page.fill("input[name=login]", past.demo["history"]["email"])
    page.fill("input[name=password]", past.demo["password"])
    page.click("form button[type=submit]")
    page.wait_for_url(f"{past.url}/")
    page.close()
    yield context
    context.close()


@pytest.fixture
def page(context: BrowserContext) -> Iterator[Page]:
    """Anything the console calls an error fails the test."""
    page = context.new_page()
    errors: list[str] = []
    page.on("console", lambda message: errors.append(message.text) if is_mistake(message) else None)
    page.on("pageerror", lambda error: errors.append(str(error)))
    yield page
    assert errors == []


@pytest.fixture
def api(past: Stack) -> Iterator[httpx.Client]:
    with past.api(past.demo["history"]["token"]) as client:
        yield client


def exact(value: float | str) -> Decimal:
    """A number of JavaScript, which has had six places all along."""
    return Decimal(str(value)).quantize(PLACES)


def cells(page: Page, table: str) -> list[list[Decimal]]:
    """The exact amounts of each body row."""
    rows: list[list[str]] = page.evaluate(
        "id => [...document.querySelectorAll(`#${id} tbody tr`)].map(row => [...row.querySelectorAll('data')]"
        ".map(each => each.value))",
        table,
    )
    return [[exact(value) for value in row] for row in rows]


@pytest.mark.parametrize("by", GROUPINGS)
def test_chart_table_and_api_have_the_same_figures(past: Stack, page: Page, api: httpx.Client, by: str) -> None:
    page.goto(f"{past.url}/billing/costs/?period=90&by={by}")
    option: dict[str, Any] = page.evaluate(OPTION, "area-data")
    days: list[str] = option["xAxis"][0]["data"]
    assert len(days) == 90
    drawn = [[exact(each) for each in series["data"]] for series in option["series"]]
    tag_name = page.locator("select[name=tag_name]").input_value() if by == "tag" else None
    asked = {"group_by": by, "from": days[0], "to": days[-1], "top": 7} | ({"tag_name": tag_name} if tag_name else {})
    found = api.get("/billing/costs", params=asked).json()
    assert drawn == [[exact(day["amount"]) for day in group["days"]] for group in found["groups"]]
    shown = cells(page, "day-table")
    totals = [sum(column, Decimal(0)) for column in zip(*drawn, strict=True)]
    columns = [] if by == "day" else [list(column) for column in zip(*drawn, strict=True)]
    assert shown == [[*(columns[number] if columns else []), total] for number, total in enumerate(totals)]
    if by != "day":
        assert [row[0] for row in cells(page, "group-table")] == [sum(series, Decimal(0)) for series in drawn]
    assert exact(found["total"]) == sum(totals, Decimal(0)) > 0


def test_the_tree_has_the_figures_of_its_table_and_of_the_api(past: Stack, page: Page, api: httpx.Client) -> None:
    page.goto(f"{past.url}/billing/costs/?period=90")
    nodes = page.evaluate(OPTION, "tree-data")["series"][0]["data"]
    flat: list[Decimal] = []

    def walk(node: dict[str, Any]) -> None:
        flat.append(exact(node["value"]))
        for child in node.get("children") or []:
            walk(child)

    for node in nodes:
        walk(node)
    assert flat == [row[0] for row in cells(page, "tree-table")]
    first, last = page.evaluate(OPTION, "area-data")["xAxis"][0]["data"][::89]
    answer = api.get("/billing/costs", params={"group_by": "provider", "from": first, "to": last}).json()
    assert [exact(node["value"]) for node in nodes] == [exact(group["total"]) for group in answer["groups"]]


def test_grouping_and_filters_change_the_page_and_its_address(past: Stack, page: Page) -> None:
    page.goto(f"{past.url}/billing/costs/")
    page.get_by_role("link", name="Resource", exact=True).click()
    page.wait_for_url("**/billing/costs/?by=resource")
    page.select_option("select[name=provider]", "gcp")
    page.wait_for_url("**provider=gcp**")
    expect(page.locator("#tree-table .level-1")).to_have_count(1)
    assert page.evaluate(OPTION, "tree-data")["series"][0]["data"][0]["name"] == "Google Cloud"
    page.go_back()
    expect(page.locator("#tree-table .level-1")).to_have_count(3)
    page.locator("#group-table a").first.press("Enter")
    page.wait_for_url("**/resources/*/")


def test_the_figures_of_the_dashboard_are_those_of_the_costs_page(past: Stack, page: Page) -> None:
    figures = {}
    for address in ("/", "/billing/costs/"):
        page.goto(f"{past.url}{address}")
        figures[address] = [
            page.locator(f"[data-figure={name}] data").get_attribute("value") for name in ("month-to-date", "month-end")
        ]
    assert figures["/"] == figures["/billing/costs/"]
    page.goto(f"{past.url}/")
    drawn = page.evaluate(OPTION, "clouds-data")["series"]
    sums = [sum((exact(each) for each in series["data"]), Decimal(0)) for series in drawn]
    assert sums == [row[0] for row in cells(page, "clouds-table")]


def test_without_javascript_the_tables_say_it_all(past: Stack, context: BrowserContext, browser: Browser) -> None:
    plain = browser.new_context(java_script_enabled=False, storage_state=context.storage_state())
    page = plain.new_page()
    page.goto(f"{past.url}/billing/costs/?period=90&by=kind")
    assert page.locator("[data-chart]").first.is_hidden()
    assert page.locator("#group-table tbody tr").count() == 3
    page.get_by_text("Every day as numbers").click()
    assert page.locator("#day-table tbody tr").last.is_visible()
    page.get_by_role("button", name="Show").click()
    page.wait_for_url("**period=90**")
    assert date.fromisoformat(page.locator("#day-table time").first.get_attribute("datetime") or "")
    plain.close()


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_nothing_is_wider_than_a_phone(past: Stack, context: BrowserContext, browser: Browser, theme: Any) -> None:
    phone = browser.new_context(
        viewport={"width": 390, "height": 844}, color_scheme=theme, storage_state=context.storage_state()
    )
    page = phone.new_page()
    for address in ("/", "/billing/costs/?period=90&by=resource", "/billing/comparing/"):
        page.goto(f"{past.url}{address}")
        assert page.evaluate("document.documentElement.scrollWidth") <= 390, address
    phone.close()
