"""``python -m bench.engine``: from an order to an active bucket, against the raw CLI doing the same by hand.

Both use the same module, engine, provider mirror and simulated AWS, and take turns. The platform's side is everything
it does: API request, queue, isolated runner, events, state and outcome; CPU is that of the web and worker processes
with all their children. The raw side is ``init``, ``plan -out``, ``apply``, ``output -json``.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx
import psutil
import psycopg

from provisioning.terraform import binary, mirror
from sandbox import servers

from .stack import ROOT, Stack, running

MODULE = ROOT / "terraform_modules" / "aws" / "bucket" / "1.0.0"
REGION = "eu-west-1"
TARGET = 0.60  # of the raw CLI, wall and CPU
KEYS = {
    "AWS_ACCESS_KEY_ID": "AKIASANDBOXSANDBOX00",
    "AWS_SECRET_ACCESS_KEY": "sandbox/sandbox/sandbox/sandbox/sandbox0",
}
FLAGS = ("skip_credentials_validation", "skip_metadata_api_check", "skip_requesting_account_id", "s3_use_path_style")


@dataclass(frozen=True)
class Cost:
    """Seconds on the clock and seconds of processor time."""

    wall: float
    cpu: float


class Raw:
    """The four commands in a fresh folder, as a person would type them."""

    def __init__(self, endpoint: str, folder: Path) -> None:
        engine = binary.find(configured=os.environ.get("TERRAFORM_BINARY", ""), data=folder)
        plugins = mirror.find(
            configured=os.environ.get("TERRAFORM_PLUGIN_MIRROR", ""), data=folder, binary=engine, modules=MODULE
        )
        self.folder = folder
        self.engine = engine
        config = folder / "engine.tfrc"
        config.write_text(f'provider_installation {{\n  filesystem_mirror {{\n    path = "{plugins}"\n  }}\n}}\n')
        self.environment = {
            **{name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ},
            **KEYS,
            "AWS_ENDPOINT_URL": endpoint,
            "TF_CLI_CONFIG_FILE": str(config),
            "CHECKPOINT_DISABLE": "1",
        }

    def once(self, name: str) -> Cost:
        work = self.folder / name
        shutil.copytree(MODULE, work, ignore=shutil.ignore_patterns("tests"))
        (work / "sandbox_override.tf.json").write_text(json.dumps({"provider": {"aws": dict.fromkeys(FLAGS, True)}}))
        variables = {"name": name, "region": REGION, "tags": {}, "unique_suffix": uuid.uuid4().hex[:8]}
        (work / "terraform.tfvars.json").write_text(json.dumps(variables))
        before, started = _cpu_of_children(), time.monotonic()
        for argv in (["init"], ["plan", "-out", "plan"], ["apply", "plan"], ["output", "-json"]):
            self._run(work, argv)
        return Cost(time.monotonic() - started, _cpu_of_children() - before)

    def _run(self, work: Path, argv: list[str]) -> None:
        done = subprocess.run(
            [str(self.engine.path), *argv], cwd=work, env=self.environment, capture_output=True, text=True, check=False
        )
        if done.returncode:
            sys.exit(f"raw {argv[0]} failed:\n{done.stdout}{done.stderr}")


class Platform:
    """An order over the API, until the database says active."""

    def __init__(self, stack: Stack, processes: list[psutil.Process]) -> None:
        self.processes = processes
        self.tenant = stack.tenant("make", "engine", "0")
        sandbox = "from clouds.models import CloudAccount; CloudAccount.objects.update(is_sandbox=True)"
        stack.manage("shell", "-c", sandbox)
        address = f"http://127.0.0.1:{stack.port}/api/v1"
        self.api = httpx.Client(base_url=address, headers={"Authorization": f"Token {self.tenant['token']}"})
        self.database = psycopg.connect(stack.environment["DATABASE_URL"], autocommit=True)

    def once(self, name: str) -> Cost:
        before, started = self._cpu(), time.monotonic()
        body = {
            "name": name,
            "offering": "aws/bucket",
            "cloud_account": self.tenant["cloud_account"],
            "inputs": {"region": REGION},
        }
        answer = self.api.post("/resources", json=body)
        if answer.status_code != 202:
            sys.exit(f"the order was answered {answer.status_code}: {answer.text[:500]}")
        self._wait(answer.json()["id"])
        wall = time.monotonic() - started
        self._wait_until_idle()
        return Cost(wall, self._cpu() - before)

    def _wait(self, resource_id: str) -> None:
        while True:
            row = self.database.execute(
                "SELECT status FROM provisioning_resource WHERE id = %s", [resource_id]
            ).fetchone()
            if row == ("active",):
                return
            if row == ("failed",):
                found = self.database.execute("SELECT error FROM provisioning_run WHERE error IS NOT NULL").fetchone()
                sys.exit(f"the order failed: {found}")
            time.sleep(0.05)

    def _wait_until_idle(self) -> None:
        """The worker has put its tools away too: that is part of the price."""
        time.sleep(0.5)

    def _cpu(self) -> float:
        """Of the processes and all that they have waited for; web processes of one run do not come and go."""
        total = 0.0
        for process in self.processes:
            for each in [process, *process.children(recursive=True)]:
                times = each.cpu_times()
                total += times.user + times.system + times.children_user + times.children_system
        return total


def _cpu_of_children() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


@contextmanager
def process(argv: list[str], environment: dict[str, str], log: Path) -> Iterator[psutil.Popen]:
    """A process for as long as the block lasts; ended by its own pid."""
    with log.open("wb") as output:
        started = psutil.Popen([sys.executable, *argv], cwd=ROOT, env=environment, stdout=output, stderr=output)
    try:
        yield started
    finally:
        started.terminate()
        started.wait(timeout=90)


def bench_engine(rounds: int) -> bool:
    """Take turns, print every round, and say whether the medians meet the target."""
    with running(web_processes=1) as stack, tempfile.TemporaryDirectory(prefix="skyvend-bench-raw-") as folder:
        port = servers.free_port()
        endpoint = f"http://127.0.0.1:{port}"
        with process(["-m", "sandbox.moto", str(port)], dict(os.environ), stack.directory / "moto.log"):
            servers.wait_for_http(f"{endpoint}/moto-api/", seconds=60)
            environment = {**stack.environment, "SANDBOX_AWS_ENDPOINT": endpoint}
            log = stack.directory / "worker.log"
            with process(["manage.py", "worker", "--concurrency", "1"], environment, log) as worker:
                web = psutil.Process(int((stack.directory / "web.pid").read_text()))
                return compare(Raw(endpoint, Path(folder)), Platform(stack, [web, worker]), rounds)


def compare(raw: Raw, platform: Platform, rounds: int) -> bool:
    print(f"Order to active, one bucket, {raw.engine.label} (target {TARGET:.2f} of the raw CLI)")
    raw.once("warm-raw")
    platform.once("warm-platform")  # prepares the module: once per version, not per order
    by_hand: list[Cost] = []
    ordered: list[Cost] = []
    for number in range(rounds):
        by_hand.append(raw.once(f"raw-{number}-{os.getpid()}"))
        ordered.append(platform.once(f"ours-{number}-{os.getpid()}"))
        print(f"  round {number + 1}: raw {_show(by_hand[-1])}   platform {_show(ordered[-1])}", flush=True)
    return all([_judge("wall", by_hand, ordered), _judge("cpu", by_hand, ordered)])


def _judge(name: str, by_hand: list[Cost], ordered: list[Cost]) -> bool:
    theirs, ours = (statistics.median(getattr(cost, name) for cost in side) for side in (by_hand, ordered))
    ratio = ours / theirs
    verdict = "ok" if ratio <= TARGET else "MISSED"
    print(f"  median {name:<4} raw {theirs:6.2f} s   platform {ours:6.2f} s   ratio {ratio:.2f}  {verdict}", flush=True)
    return ratio <= TARGET


def _show(cost: Cost) -> str:
    return f"{cost.wall:6.2f} s wall {cost.cpu:6.2f} s cpu"


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5)
    return 0 if bench_engine(parser.parse_args(arguments).rounds) else 1


if __name__ == "__main__":
    sys.exit(main())
