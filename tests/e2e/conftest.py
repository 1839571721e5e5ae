"""The stack and the browser are started once for all end-to-end tests."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, ConsoleMessage, Page, sync_playwright

from scripts.ensure_browser import find_browser
from tests.e2e.stack import Stack, running_stack

CHROMIUM = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


@pytest.fixture(scope="session")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    with running_stack(tmp_path_factory.mktemp("skyvend") / "data", TRIAL_CREDIT_USD="50") as stack:
        yield stack
        stack.check_books()


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=find_browser(), args=CHROMIUM)
        yield browser
        browser.close()


def is_mistake(message: ConsoleMessage) -> bool:
    """An error of ours; htmx also calls it one when a newer request replaces an older."""
    return message.type == "error" and not message.text.startswith(("htmx:afterRequest", "htmx:sendAbort"))


@pytest.fixture
def page(stack: Stack, browser: Browser) -> Iterator[Page]:
    """A page signed in as the demo tenant's owner. Anything the console calls an error fails the test."""
    context = browser.new_context(viewport={"width": 1440, "height": 900})
    page = context.new_page()
    errors: list[str] = []
    page.on("console", lambda message: errors.append(message.text) if is_mistake(message) else None)
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.goto(f"{stack.url}/accounts/login/")
    page.fill("input[name=login]", stack.demo["email"])
    page.fill("input[name=password]", stack.demo["password"])
    page.click("form button[type=submit]")
    page.wait_for_url(f"{stack.url}/")
    yield page
    context.close()
    assert errors == []
