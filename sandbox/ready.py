"""Make the trial ready, say so, and keep demo.json true: ``python -m sandbox.ready PORT``, one of ``make up``'s."""

import json
import os
import sys
import time
from pathlib import Path
from typing import Any

import django
from django.conf import settings
from django.core.management import CommandError, call_command

from . import servers, trial

PROCESSES = ("web", "worker", "scheduler", "postgres", "redis", "moto", "azure", "gcp")
PATIENCE = 120.0  # seconds until something that does not come up is named


def main() -> int:
    place = trial.Trial(data=Path(os.environ["DATA"]), port=int(sys.argv[1]))
    try:
        servers.wait_for_database(os.environ["DATABASE_URL"])
        servers.wait_for_redis(os.environ["REDIS_URL"])
        django.setup()
        seed(place)
        wait_until_ready(place)
    except (servers.CannotStart, CommandError) as error:
        print(f"make up: {error}", flush=True)
        return 1
    keep_demo_file(place)
    return 0


def seed(place: trial.Trial) -> None:
    """Bring the database up to date and put the demo tenant into it; all of it can be repeated."""
    call_command("migrate", interactive=False, verbosity=0)
    call_command("load_prices")
    call_command("load_catalogue")
    place.migrated.touch()
    servers.wait_for_http(settings.SANDBOX_AWS_ENDPOINT, seconds=PATIENCE)
    for endpoint in (settings.SANDBOX_AZURE_ENDPOINT, settings.SANDBOX_GCP_ENDPOINT):
        servers.wait_for_http(f"{endpoint}/objects", seconds=PATIENCE)
    call_command("seed_demo", facts=place.data / "demo.seed", history_days=trial.history_days())
    call_command("seed_bills", ring=True)


def wait_until_ready(place: trial.Trial) -> None:
    """Raises :class:`servers.CannotStart` when the web does not get ready."""
    deadline = time.monotonic() + PATIENCE
    while not (trial.is_ready(place) and _pids(place).get("worker")):
        if time.monotonic() > deadline:
            raise servers.CannotStart(f"{place.url}/health/ready does not answer 200: read the lines above.")
        time.sleep(0.2)


def keep_demo_file(place: trial.Trial) -> None:
    """Write demo.json, print the sign-in once, and write again whenever a process was started anew."""
    demo = describe(place)
    _announce(demo)
    while True:
        demo["pids"] = _pids(place)
        trial.write_private(place.demo_file, json.dumps(demo, indent=2) + "\n")
        while _pids(place) == demo["pids"]:
            time.sleep(0.5)


def describe(place: trial.Trial) -> dict[str, Any]:
    """What demo.json holds besides the process ids."""
    return {
        "url": place.url,
        "email": trial.DEMO_EMAIL,
        "password": os.environ["DEMO_PASSWORD"],
        **json.loads((place.data / "demo.seed").read_text()),
    }


def _pids(place: trial.Trial) -> dict[str, int]:
    """The real processes' ids; a server that was given from outside has none."""
    found = {}
    for name in PROCESSES:
        try:
            found[name] = int(place.pid_file(name).read_text())
        except (FileNotFoundError, ValueError):  # not started, or just being started again
            continue
    return found


def _announce(demo: dict[str, Any]) -> None:
    lines = [
        f"Skyvend is ready: {demo['url']}",
        f"sign in as  {demo['email']}  with  {demo['password']}",
        *(
            [f"sign in as  {demo['history']['email']}  with the same, for a tenant with a past"]
            if "history" in demo
            else []
        ),
        f"operators:  {demo['url']}/admin/  as  {trial.OPERATOR_EMAIL}  with  {os.environ['OPERATOR_PASSWORD']}",
    ]
    width = max(map(len, lines))
    print("\n".join(["=" * width, *lines, "=" * width]), flush=True)


if __name__ == "__main__":
    sys.exit(main())
