"""Pictures of every page for people to look at: ``python -m scripts.shots [FOLDER [PAGE ...]]`` (default shots/).

Starts a trial of its own, waits for its demo VM, signs in, and takes each page light and dark, wide and narrow. Prints
what the browser's console complained about, and fails if it did.
"""

import os
import sys
import tempfile
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any, Literal

import httpx
from playwright import sync_api
from playwright.sync_api import Browser, BrowserContext, Page, ViewportSize, sync_playwright
from tqdm import tqdm

from scripts.ensure_browser import find_browser
from tests.e2e.stack import Stack, running_stack, wait_for

Theme = Literal["light", "dark"]
SIZES: dict[str, ViewportSize] = {"wide": {"width": 1440, "height": 900}, "phone": {"width": 390, "height": 844}}
ARGUMENTS = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking"]
OPEN = {"sign-in": "/accounts/login/", "sign-up": "/accounts/signup/", "password-reset": "/accounts/password/reset/"}
SIGNED_IN = {
    "dashboard": "/",
    "resources": "/resources/",
    "order": "/resources/new/",
    "order-vm": "/resources/new/vm/",
    "order-bucket": "/resources/new/bucket/",
    "runs": "/runs/",
    "cloud-accounts": "/cloud-accounts/",
    "cloud-account-new": "/cloud-accounts/new/",
    "cloud-account-keyless": "/cloud-accounts/new/?provider=aws&method=oidc",
    "cloud-account-google": "/cloud-accounts/new/?provider=gcp",
    "cloud-account-google-keyless": "/cloud-accounts/new/?provider=gcp&method=oidc",
    "billing": "/billing/",
    "unusual-costs": "/billing/anomalies/",
    "cloud-bills": "/billing/actual/",
    "budgets": "/billing/budgets/",
    "budget-new": "/billing/budgets/new/",
    "alerts": "/billing/alerts/",
    "channels": "/billing/channels/",
    "channel-new": "/billing/channels/new/?kind=webhook",
    "team": "/team/",
    "tokens": "/tokens/",
    "audit": "/audit/",
    "not-found": "/nothing-here/",
    "api": "/docs",
}
HISTORY = {  # pages of the tenant with a past
    "history-dashboard": "/",
    "costs": "/billing/costs/?period=90",
    "costs-by-resource": "/billing/costs/?period=30&by=resource",
    "costs-by-day": "/billing/costs/?by=day",
    "comparing": "/billing/comparing/",
}
OPERATOR = {
    "admin": "/admin/",
    "admin-runs": "/admin/provisioning/run/",
    "admin-tenants": "/admin/accounts/organization/",
}


def main() -> int:
    folder = Path(sys.argv[1] if len(sys.argv) > 1 else "shots")
    folder.mkdir(exist_ok=True)
    complaints: list[str] = []
    with tempfile.TemporaryDirectory() as data, running_stack(Path(data) / "data", HISTORY_DAYS="90") as stack:
        with stack.api() as api:
            stack.wait_for_run(api, api.get("/runs").json()["results"][0]["id"])
            addresses = {**SIGNED_IN, **details(api)}
        with sync_playwright() as playwright:
            browser = playwright.chromium.launch(executable_path=find_browser(), args=ARGUMENTS)
            wanted = set(sys.argv[2:])
            shots = [each for each in pages(browser, stack, addresses) if not wanted or page_of(each[0]) in wanted]
            for name, page in tqdm(shots, unit="page"):
                take(page, folder, name, complaints)
            browser.close()
    print("\n".join(complaints) or f"Look at {folder}/: {len(list(folder.glob('*.png')))} pictures.")
    return 1 if complaints else 0


def details(api: httpx.Client) -> dict[str, str]:
    """The pages of the demo tenant's own things."""
    resource = api.get("/resources").json()["results"][0]["id"]
    run = api.get("/runs").json()["results"][0]["id"]
    account = api.get("/cloud-accounts").json()["results"][0]["id"]
    proposal = wait_for(lambda: api.get("/sizing").json()["results"], "a proposal of another size")[0]["id"]
    return {
        "resource": f"/resources/{resource}/",
        "resource-change": f"/resources/{resource}/update/",
        "sizing": "/sizing/",
        "sizing-preview": f"/resources/{resource}/update/?proposal={proposal}",
        "resource-destroy": f"/resources/{resource}/destroy/",
        "run": f"/runs/{run}/",
        "cloud-account": f"/cloud-accounts/{account}/",
    }


def pages(browser: Browser, stack: Stack, addresses: dict[str, str]) -> Iterator[tuple[str, "Shot"]]:
    themes: tuple[Theme, ...] = ("light", "dark")
    for theme in themes:
        for size, viewport in SIZES.items():
            nobody, person, past, operator = (
                browser.new_context(viewport=viewport, color_scheme=theme) for _ in range(4)
            )
            sign_in(person, stack.url, stack.demo["email"], stack.demo["password"])
            sign_in(past, stack.url, stack.demo["history"]["email"], stack.demo["password"])
            sign_in(operator, stack.url, *operator_of(stack))
            for who, known in ((nobody, OPEN), (person, addresses), (past, HISTORY), (operator, OPERATOR)):
                for name, address in known.items():
                    yield f"{name}-{theme}-{size}", Shot(who, f"{stack.url}{address}")


class Shot:
    """A page to be opened by somebody."""

    def __init__(self, who: BrowserContext, address: str) -> None:
        self.who, self.address = who, address


def sign_in(who: BrowserContext, url: str, email: str, password: str) -> None:
    page = who.new_page()
    page.goto(f"{url}/accounts/login/")
    page.fill("input[name=login]", email)
    page.fill("input[name=password]", password)
    page.click("form button[type=submit]")
    page.wait_for_load_state()
    page.close()


def operator_of(stack: Stack) -> tuple[str, str]:
    kept = dict(line.split("=", 1) for line in (stack.data / "secrets.env").read_text().splitlines())
    return "operator@skyvend.test", kept["OPERATOR_PASSWORD"]


def take(shot: Shot, folder: Path, name: str, complaints: list[str]) -> None:
    page: Page = shot.who.new_page()
    page.on("console", lambda said: complaints.append(f"{name}: {said.text}") if is_worth_telling(name, said) else None)
    page.on("pageerror", lambda error: complaints.append(f"{name}: {error}"))
    page.goto(shot.address)
    with suppress(sync_api.TimeoutError):  # a page that polls is never idle
        page.wait_for_load_state("networkidle", timeout=10_000)
    page.wait_for_timeout(300)  # fragments that a page fetches for itself
    page.screenshot(path=os.fspath(folder / f"{name}.png"), full_page=True)
    page.close()


def page_of(name: str) -> str:
    return name.rsplit("-", 2)[0]


def is_worth_telling(name: str, said: Any) -> bool:
    is_known = page_of(name) == "not-found" or (page_of(name) == "api" and "inline style" in said.text)  # Swagger UI's
    return said.type == "error" and not is_known


if __name__ == "__main__":
    sys.exit(main())
