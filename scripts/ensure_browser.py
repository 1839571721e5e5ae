"""Find a Chromium for the browser tests, or install one: ``python -m scripts.ensure_browser``."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

from playwright.sync_api import sync_playwright

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
MAC = Path("/Applications/Google Chrome.app/Contents/MacOS/Google Chrome")


def find_browser() -> str | None:
    """The path of a Chromium or Chrome on this machine, or of playwright's own; None if there is neither."""
    for name in NAMES:
        if found := shutil.which(name):
            return found
    if MAC.exists():
        return str(MAC)
    with sync_playwright() as playwright:
        own = playwright.chromium.executable_path
    return own if Path(own).exists() else None


def install_browser() -> bool:
    """Playwright's download first; Debian's package where that is out of reach and we are root."""
    print("No Chromium found; installing one.", flush=True)
    if subprocess.run([sys.executable, "-m", "playwright", "install", "chromium"], check=False).returncode == 0:
        return True
    if os.geteuid() != 0 or not shutil.which("apt-get"):
        return False
    subprocess.run(["apt-get", "update", "--quiet"], check=False)
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    installed = subprocess.run(
        ["apt-get", "install", "--yes", "--no-install-recommends", "chromium"], env=environment, check=False
    )
    return installed.returncode == 0


def main() -> int:
    if find_browser() or (install_browser() and find_browser()):
        print(f"Browser: {find_browser()}")
        return 0
    print("make: no browser for the tests: install chromium (apt install chromium) and try again.", file=sys.stderr)
    return 1


if __name__ == "__main__":
    sys.exit(main())
