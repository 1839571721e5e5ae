"""Gives every test run a real PostgreSQL and a real Valkey of its own, and stops them at its end.

Loaded by ``-p tests.plugin`` (pyproject.toml) before Django reads its settings. ``DATABASE_URL`` and ``REDIS_URL``
from outside win; pytest-xdist's workers inherit the controller's.
"""

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest

from sandbox import keep, servers

ROOT = Path(__file__).resolve().parent.parent
PREFIX = "skyvend-tests-"
CONTROL_KEY = "tests-only-control-key"
CONTROLLED = ["/usr/bin/env", f"SANDBOX_CONTROL_KEY={CONTROL_KEY}"]

SLOW_FIRST = (  # files that run for long: begun last, one of them would leave the other worker with nothing to do
    "tests/clouds/test_modules.py",
    "tests/clouds/test_aws_kubernetes.py",
    "tests/test_tenancy_walk.py",
    "tests/provisioning/test_recovery_processes.py",
    "tests/provisioning/test_money_properties.py",
    "tests/clouds/test_keyless_terraform.py",
    "tests/e2e/test_three_kinds_by_api.py",
    "tests/e2e/test_faults.py",
    "tests/e2e/test_switching_in_the_browser.py",
    "tests/e2e/test_costs_in_the_browser.py",
)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Slow files first, the rest as it was; see ``--no-loadscope-reorder`` in the Makefile."""
    places = {ROOT / name: place for place, name in enumerate(SLOW_FIRST)}
    items.sort(key=lambda item: places.get(item.path, len(places)))


class Stack:
    """The processes of this test run and their folder."""

    def __init__(self) -> None:
        servers.remove_stale(PREFIX, [Path(tempfile.gettempdir())])
        self.directory = servers.temporary_directory(f"{PREFIX}{os.getpid()}-")
        self.keepers: list[subprocess.Popen[bytes]] = []

    def start(self, name: str, argv: list[str], *, user: str | None = None, stop_signal: str = "TERM") -> None:
        """Start ``argv`` so that it cannot outlive this process."""
        kept = keep.command(
            argv, pid_file=self.directory / f"{name}.pid", owner=os.getpid(), user=user, stop_signal=stop_signal
        )
        with (self.directory / f"{name}.log").open("wb") as log:
            process = subprocess.Popen(kept, cwd=ROOT, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        self.keepers.append(process)

    def start_servers(self) -> None:
        database, cache = servers.servers(
            self.directory,
            postgres_port=servers.free_port(),
            redis_port=servers.free_port(),
            postgres_password=servers.new_password(),
            redis_password=servers.new_password(),
            settings=servers.FAST_AND_FORGETFUL,
        )
        for name, server, variable in (("redis", cache, "REDIS_URL"), ("postgres", database, "DATABASE_URL")):
            if variable not in os.environ:
                server.initialise()
                self.start(name, server.argv, user=server.user, stop_signal=server.stop_signal)
                server.wait()
                os.environ[variable] = server.url

    def stop(self) -> None:
        for process in self.keepers:
            process.terminate()
        for process in self.keepers:
            process.wait(timeout=30)
        shutil.rmtree(self.directory, ignore_errors=True)


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_load_initial_conftests(early_config: pytest.Config) -> Iterator[None]:
    """Before pytest-django loads the settings: servers, and an environment that does not depend on the machine's."""
    stack = Stack()
    early_config.add_cleanup(stack.stop)
    early_config.stash[STACK] = stack
    for variable, value in _environment(stack.directory).items():
        os.environ[variable] = value
    stack.start_servers()
    _own_redis_database()
    return (yield)


def _environment(directory: Path) -> dict[str, str]:
    data = directory / "data"
    data.mkdir(mode=0o711)
    return {
        "DEBUG": "1",
        "TRIAL": "",
        "DATA": str(data),
        "SECRET_KEY": "tests-only-key-that-is-long-enough-for-hs256-signatures",
        "FERNET_KEYS": "tests-only",
        "ALLOWED_HOSTS": "localhost,127.0.0.1,testserver",
        "HTTPS_ONLY": "",
        "EMAIL_URL": "memorymail://",
        "LOG_LEVEL": "WARNING",
        "METRICS_TOKEN": "",
        "TRIAL_CREDIT_USD": "0",
        "SANDBOX_AWS_ENDPOINT": "",
        "SANDBOX_AZURE_ENDPOINT": "",
        "SANDBOX_GCP_ENDPOINT": "",
        "SANDBOX_PLUGIN_MIRROR": "",
        "CHECKPOINT_DISABLE": "1",
    }


def _own_redis_database() -> None:
    """pytest-xdist's workers share the server; each has its own numbered database."""
    worker = os.environ.get("PYTEST_XDIST_WORKER", "").removeprefix("gw")
    if worker:
        server = os.environ["REDIS_URL"].rsplit("/", 1)[0]
        os.environ["REDIS_URL"] = f"{server}/{int(worker) + 1}"


STACK: pytest.StashKey[Stack] = pytest.StashKey()


@dataclass(frozen=True)
class SimulatedCloud:
    """A simulated cloud of this run: its address, the key of its controls, and its first user's credentials."""

    endpoint: str
    key: str

    @property
    def credentials(self) -> dict[str, str]:
        return dict(self.control("GET", "credentials").json())

    def control(self, method: str, path: str, body: Any = None) -> httpx.Response:
        headers = {"X-Sandbox-Key": self.key}
        answer = httpx.request(method, f"{self.endpoint}/control/{path}", json=body, headers=headers, trust_env=False)
        answer.raise_for_status()
        return answer


def _simulated(stack: Stack, cloud: str) -> SimulatedCloud:
    port = servers.free_port()
    program = [sys.executable, "-m", "sandbox.simulated", cloud, str(port), str(stack.directory / f"{cloud}.sqlite")]
    stack.start(cloud, [*CONTROLLED, *program])
    servers.wait_for_http(f"http://127.0.0.1:{port}/objects", seconds=60)
    return SimulatedCloud(f"http://127.0.0.1:{port}", CONTROL_KEY)


@pytest.fixture(scope="session")
def azure_cloud(pytestconfig: Any) -> SimulatedCloud:
    """A simulated Azure."""
    return _simulated(pytestconfig.stash[STACK], "azure")


@pytest.fixture(scope="session")
def gcp_cloud(pytestconfig: Any) -> SimulatedCloud:
    """A simulated Google Cloud."""
    return _simulated(pytestconfig.stash[STACK], "gcp")


@pytest.fixture(scope="session")
def moto(pytestconfig: Any) -> str:
    """The address of a moto server of this run: a simulated AWS."""
    stack, port = pytestconfig.stash[STACK], servers.free_port()
    stack.start("moto", [*CONTROLLED, sys.executable, "-m", "sandbox.moto", str(port)])
    address = f"http://127.0.0.1:{port}"
    servers.wait_for_http(f"{address}/moto-api/", seconds=60)
    return address


@pytest.fixture(scope="session")
def aws_cloud(moto: str) -> SimulatedCloud:
    """The same moto, with its controls."""
    return SimulatedCloud(moto, CONTROL_KEY)
