"""A person orders in a real browser: price before pressing, live log, address, change, destroy."""

import re

from playwright.sync_api import Browser, Page, expect

from tests.e2e.stack import PATIENCE, Stack

PATIENT = PATIENCE * 1000  # milliseconds


def order(page: Page, stack: Stack, kind: str, name: str, **inputs: str) -> None:
    page.goto(f"{stack.url}/resources/new/{kind}/")
    page.fill("input[name=name]", name)
    for field, value in inputs.items():
        page.select_option(f"select[name$={field}]", value)
    expect(page.locator("#price .figure-value")).to_contain_text(re.compile(r"\d"))
    expect(page.locator("[data-order-button]")).to_be_enabled()
    page.click("[data-order-button]")
    page.wait_for_url(re.compile(r"/runs/[0-9a-f-]{36}/$"))


def watch_until(page: Page, status: str) -> list[int]:
    """Wait for the run page, untouched, to show the end; return the sequence numbers of the log it shows."""
    expect(page.locator(f"#run-summary[data-status={status}]")).to_be_visible(timeout=PATIENT)
    return [int(line.get_attribute("data-seq") or 0) for line in page.locator("[data-log] [data-seq]").all()]


def output(page: Page, label: str) -> str:
    return page.locator(".output", has=page.locator("dt", has_text=label)).locator("code").first.inner_text()


def test_a_vm_is_ordered_watched_and_destroyed(stack: Stack, page: Page) -> None:
    order(page, stack, "vm", "browser-vm", region="us-east-1", size="micro")
    seqs = watch_until(page, "succeeded")
    assert seqs == list(range(1, len(seqs) + 1))
    page.get_by_role("link", name="browser-vm").first.click()
    expect(page.get_by_text("Active").first).to_be_visible()
    address = output(page, "Public address")
    found = stack.aws("ec2").describe_instances(Filters=[{"Name": "ip-address", "Values": [address]}])
    assert len(found["Reservations"]) == 1

    page.get_by_role("link", name="Destroy").click()
    page.fill("input[name=confirm_name]", "browser-vm")
    page.get_by_role("button", name="Destroy browser-vm").click()
    page.wait_for_url(re.compile(r"/runs/[0-9a-f-]{36}/$"))
    watch_until(page, "succeeded")
    gone = stack.aws("ec2").describe_instances(Filters=[{"Name": "ip-address", "Values": [address]}])
    assert gone["Reservations"] == []


def test_a_bucket_is_ordered_changed_and_destroyed(stack: Stack, page: Page) -> None:
    order(page, stack, "bucket", "browser-bucket", region="us-east-1")
    watch_until(page, "succeeded")
    page.get_by_role("link", name="browser-bucket").first.click()
    name = output(page, "Bucket")
    s3 = stack.aws("s3")
    assert s3.head_bucket(Bucket=name)["ResponseMetadata"]["HTTPStatusCode"] == 200

    page.get_by_role("link", name="Change").click()
    page.locator("input[name$=versioning]").click()
    page.get_by_role("button", name="Change").click()
    page.wait_for_url(re.compile(r"/runs/[0-9a-f-]{36}/$"))
    watch_until(page, "succeeded")
    assert s3.get_bucket_versioning(Bucket=name)["Status"] in {"Enabled", "Suspended"}

    page.get_by_role("link", name="browser-bucket").first.click()
    page.get_by_role("link", name="Destroy").click()
    page.fill("input[name=confirm_name]", "browser-bucket")
    page.get_by_role("button", name="Destroy browser-bucket").click()
    page.wait_for_url(re.compile(r"/runs/[0-9a-f-]{36}/$"))
    watch_until(page, "succeeded")
    assert name not in [bucket["Name"] for bucket in s3.list_buckets()["Buckets"]]


def test_the_price_follows_the_form_and_too_little_credit_disables_the_button_with_the_reason(
    stack: Stack, page: Page
) -> None:
    page.goto(f"{stack.url}/resources/new/vm/")
    page.fill("input[name=name]", "expensive")
    page.select_option("select[name$=region]", "us-east-1")
    page.select_option("select[name$=size]", "micro")
    price = page.locator("#price .figure-value")
    expect(price).to_contain_text(re.compile(r"\d"))
    small = price.inner_text()
    page.select_option("select[name$=size]", "2xlarge")
    expect(price).not_to_have_text(small)
    page.locator("details.advanced summary").first.click()
    page.locator("input[name$=disk_gb]").fill("16000")
    page.locator("input[name$=disk_gb]").press("Tab")
    expect(page.locator("[data-order-button]")).to_be_disabled()
    expect(page.locator("#price-reason")).to_contain_text("credit")


def test_a_page_works_for_reading_without_javascript(stack: Stack, browser: Browser, page: Page) -> None:
    with stack.api() as api:
        run_id = api.get("/runs").json()["results"][-1]["id"]
        stack.wait_for_run(api, run_id)
        last = stack.events(api, run_id)[-1]["seq"]
    plain = browser.new_context(java_script_enabled=False, storage_state=page.context.storage_state())
    reading = plain.new_page()
    reading.goto(f"{stack.url}/runs/{run_id}/")
    assert reading.locator(f"[data-seq='{last}']").count() == 1
    plain.close()
