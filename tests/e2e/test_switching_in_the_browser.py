"""One order a kind in a real browser, the cloud switched twice before Create: what was entered is kept and mapped."""

import re

import pytest
from playwright.sync_api import Page, expect

from tests.e2e.stack import PATIENCE, Stack

PATIENT = PATIENCE * 1000  # milliseconds
REGIONS = {"aws": "eu-west-1", "azure": "westeurope", "gcp": "europe-west1"}


def switch(page: Page, kind: str, before: str, after: str) -> None:
    """Choose another cloud and wait for the form to say what became of the region."""
    page.select_option("#id_offering", f"{after}/{kind}")
    note = page.locator("[role=status]", has_text=f"{REGIONS[before]} → {REGIONS[after]}")
    expect(note).to_be_visible(timeout=PATIENT)
    expect(page.locator(".htmx-settling, .htmx-added")).to_have_count(0)  # only then does the new form listen
    expect(page.locator("select[name$=region]")).to_have_value(REGIONS[after])


def check_comparison(page: Page) -> None:
    """Every cloud with its price, one of them the cheapest, and it is."""
    rows = page.locator(".compared tr")
    expect(rows).to_have_count(3)
    expect(page.locator(".compared", has_text="cheapest")).to_be_visible()
    prices = {
        row.inner_text(): float(re.search(r"([\d.,]+)\s*USD", row.inner_text())[1].replace(",", ""))
        for row in rows.all()
    }
    [cheapest] = [text for text in prices if "cheapest" in text]
    assert prices[cheapest] == min(prices.values())


@pytest.mark.parametrize(
    ("kind", "clouds", "field", "value"),
    [
        ("vm", ["aws", "azure", "gcp"], "select[name$=size]", "large"),
        ("bucket", ["gcp", "aws", "azure"], "input[name$=expected_gb]", "70"),
        ("kubernetes", ["azure", "gcp", "aws"], "select[name$=node_size]", "large"),
    ],
)
def test_the_cloud_is_switched_twice_before_create(
    stack: Stack, page: Page, kind: str, clouds: list[str], field: str, value: str
) -> None:
    first, second, last = clouds
    name = f"switched-{kind}"
    page.goto(f"{stack.url}/resources/new/{kind}/?offering={first}/{kind}")
    page.fill("input[name=name]", name)
    page.select_option("select[name$=region]", REGIONS[first])
    if field.startswith("select"):
        page.select_option(field, value)
    else:
        page.fill(field, value)
    switch(page, kind, first, second)
    switch(page, kind, second, last)
    expect(page.locator("input[name=name]")).to_have_value(name)
    expect(page.locator(field)).to_have_value(value)
    check_comparison(page)
    world = page.locator(".price-name code").all_inner_texts()

    page.click("[data-order-button]")
    page.wait_for_url(re.compile(r"/runs/[0-9a-f-]{36}/$"))
    expect(page.locator("#run-summary[data-status=succeeded]")).to_be_visible(timeout=PATIENT)
    page.get_by_role("link", name=name).first.click()
    expect(page.get_by_text("Active").first).to_be_visible()

    with stack.api() as api:
        [found] = api.get("/resources", params={"search": name}).json()["results"]
        shown = api.get(f"/resources/{found['id']}").json()
        assert (shown["offering"], shown["region"]) == (f"{last}/{kind}", REGIONS[last])
        assert world == ([shown["outputs"]["name"]] if kind == "bucket" else [])
        gone = stack.wait_for_run(api, api.delete(f"/resources/{found['id']}").json()["run"]["id"])
        assert (gone["status"], stack.tagged(last, found["id"])) == ("succeeded", [])
