"""`make up` as a test sees it: one process to start, an address and demo.json to read, one signal to stop."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import boto3
import httpx
import psutil
from botocore.config import Config

REPO = Path(__file__).resolve().parents[2]
REGIONS = ("us-east-1", "eu-west-1")  # of AWS, in which tests order
BOOK_AHEAD = """
from datetime import timedelta
from django.utils import timezone
from billing import metering
metering.book_usage(until=timezone.now() + timedelta(days=2))
"""
PATIENCE = 300  # seconds a condition may take on a noisy machine before the test gives up


def wait_for(condition: Callable[[], Any], what: str, patience: float = PATIENCE) -> Any:
    """Poll ``condition`` until it is truthy and return it; fail with ``what`` after ``patience`` seconds."""
    deadline = time.monotonic() + patience
    while time.monotonic() < deadline:
        if found := condition():
            return found
        time.sleep(0.25)
    raise AssertionError(f"gave up waiting for {what}")


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class Stack:
    """A running trial: its address, its demo tenant, a client for its API and one for its simulated cloud."""

    def __init__(self, data: Path, log: Path, process: subprocess.Popen[bytes]) -> None:
        self.data, self.log, self.process = data, log, process
        self._pages: httpx.Client | None = None

    @property
    def demo(self) -> dict[str, Any]:
        demo: dict[str, Any] = json.loads((self.data / "demo.json").read_text())
        return demo

    @property
    def url(self) -> str:
        return str(self.demo["url"]).rstrip("/")

    def api(self, token: str | None = None) -> httpx.Client:
        """A client of /api/v1 as the demo tenant's owner, or as the owner of ``token``."""
        headers = {"Authorization": f"Token {token or self.demo['token']}"}
        return httpx.Client(base_url=f"{self.url}/api/v1", headers=headers, timeout=60, trust_env=False)

    def pages(self) -> httpx.Client:
        """A client of the pages, signed in as the demo tenant's owner; the same one each time."""
        if self._pages is None:
            client = httpx.Client(base_url=self.url, timeout=60, trust_env=False, follow_redirects=True)
            client.get("/accounts/login/")
            form = {"login": self.demo["email"], "password": self.demo["password"]}
            form["csrfmiddlewaretoken"] = client.cookies["csrftoken"]
            signed_in = client.post("/accounts/login/", data=form, headers={"Referer": self.url})
            assert signed_in.url.path == "/", signed_in.text
            self._pages = client
        return self._pages

    def aws(self, service: str, region: str = "us-east-1") -> Any:
        """A boto3 client at the simulated AWS, in the region where the tests order."""
        sandbox = self.demo["sandbox"]["aws"]
        return boto3.client(
            service,
            endpoint_url=sandbox["endpoint_url"],
            aws_access_key_id=sandbox["access_key"],
            aws_secret_access_key=sandbox["secret_key"],
            region_name=region,
            config=Config(retries={"max_attempts": 1}, s3={"addressing_style": "path"}),
        )

    def cloud_account(self, provider: str = "aws") -> str:
        with self.api() as api:
            accounts = api.get("/cloud-accounts").json()["results"]
        return next(str(account["id"]) for account in accounts if account["provider"] == provider)

    def tagged(self, provider: str, resource_id: str) -> list[str]:
        """The ids of what exists in a simulated cloud with the resource's tag."""
        if provider != "aws":
            return [each["id"] for each in self.listed(provider, resource_id)]
        found: list[str] = []
        for region in REGIONS:
            tagging, ec2 = self.aws("resourcegroupstaggingapi", region), self.aws("ec2", region)
            wanted = [{"Key": "skyvend-resource", "Values": [resource_id]}]
            found += [row["ResourceARN"] for row in tagging.get_resources(TagFilters=wanted)["ResourceTagMappingList"]]
            of_ec2 = [{"Name": "value", "Values": [resource_id]}]
            found += [row["ResourceId"] for row in ec2.describe_tags(Filters=of_ec2)["Tags"]]
            found = [each for each in found if not _is_gone(ec2, each.rpartition("/")[2])]
        return found

    def listed(self, provider: str, resource_id: str) -> list[dict[str, Any]]:
        """What the simulated Azure or Google Cloud lists with the resource's tag: [{type, id, scope, ...}]."""
        url = self.demo["sandbox"][provider]["objects_url"].format(id=resource_id)
        found: list[dict[str, Any]] = httpx.get(url, trust_env=False).json()
        return found

    def control(self, provider: str, method: str, path: str, body: Any = None) -> httpx.Response:
        """Use the controls of a simulated cloud."""
        cloud = self.demo["sandbox"][provider]
        headers = {"X-Sandbox-Key": cloud["control_key"]}
        answer = httpx.request(method, f"{cloud['control_url']}/{path}", json=body, headers=headers, trust_env=False)
        answer.raise_for_status()
        return answer

    def order(self, api: httpx.Client, name: str, offering: str, **inputs: Any) -> dict[str, Any]:
        """Order something on the demo cloud account and return the 202 body."""
        account = self.cloud_account(offering.partition("/")[0])
        body = {"name": name, "offering": offering, "cloud_account": account, "inputs": inputs}
        answer = api.post("/resources", json=body)
        assert answer.status_code == 202, answer.text
        ordered: dict[str, Any] = answer.json()
        return ordered

    def wait_for_run(self, api: httpx.Client, run_id: str) -> dict[str, Any]:
        """The run once it has ended, whichever way."""

        def ended() -> dict[str, Any] | None:
            run: dict[str, Any] = api.get(f"/runs/{run_id}").json()
            return run if run["status"] in {"succeeded", "failed", "canceled", "lost"} else None

        run: dict[str, Any] = wait_for(ended, f"run {run_id} to end")
        return run

    def manage(self, *arguments: str) -> str:
        """What ``manage.py`` prints, run as the platform's own processes are; fails with all it said."""
        process = psutil.Process(self.demo["pids"]["web"])
        argv = [sys.executable, "manage.py", *arguments]
        done = subprocess.run(argv, cwd=REPO, env=process.environ(), capture_output=True, text=True, check=False)
        assert done.returncode == 0, f"{' '.join(arguments)}:\n{done.stdout}{done.stderr}"
        return done.stdout

    def check_books(self) -> None:
        """Every hour up to the day after tomorrow is booked; then all that the tests did must add up."""
        self.manage("shell", "-c", BOOK_AHEAD)
        assert self.manage("check_ledger").startswith("The books agree: ")

    def events(self, api: httpx.Client, run_id: str) -> list[dict[str, Any]]:
        """Every event of a run, read page by page."""
        events: list[dict[str, Any]] = []
        while True:
            after = events[-1]["seq"] if events else 0
            page = api.get(f"/runs/{run_id}/events", params={"after": after, "limit": 200}).json()["results"]
            if not page:
                return events
            events += page


def _is_gone(ec2: Any, object_id: str) -> bool:
    """Ended machines and deleted disks stay listed by their tags for about an hour, in AWS too."""
    if object_id.startswith("vol-"):
        return not ec2.describe_volumes(Filters=[{"Name": "volume-id", "Values": [object_id]}])["Volumes"]
    if not object_id.startswith("i-"):
        return False
    alive = [{"Name": "instance-state-name", "Values": ["pending", "running", "stopping", "stopped"]}]
    return not ec2.describe_instances(Filters=[*alive, {"Name": "instance-id", "Values": [object_id]}])["Reservations"]


@contextmanager
def running_stack(data: Path, **environment: str) -> Iterator[Stack]:
    """Start everything `make up` starts, wait until it is ready, and stop it by its own process id."""
    port = free_port()
    log = data.parent / f"{data.name}.log"
    env = {name: value for name, value in os.environ.items() if name not in {"DATABASE_URL", "REDIS_URL", "DEBUG"}}
    env |= {"PORT": str(port), "DATA": str(data), **environment}
    with log.open("wb") as sink:
        process = subprocess.Popen(
            [sys.executable, "-m", "sandbox.up"], cwd=REPO, env=env, stdout=sink, stderr=subprocess.STDOUT
        )
    stack = Stack(data, log, process)
    try:
        wait_for(lambda: _is_ready(stack, port), f"the stack to be ready; its log ends:\n{_tail(log)}")
        yield stack
    finally:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(60)
        except subprocess.TimeoutExpired:
            process.kill()
            raise


def _is_ready(stack: Stack, port: int) -> bool:
    assert stack.process.poll() is None, f"the stack ended early:\n{_tail(stack.log)}"
    try:
        ready = httpx.get(f"http://127.0.0.1:{port}/health/ready", timeout=5, trust_env=False).status_code == 200
    except httpx.TransportError:
        return False
    return ready and (stack.data / "demo.json").exists()


def _tail(log: Path) -> str:
    return "\n".join(log.read_text(errors="replace").splitlines()[-40:])
