"""``python -m bench.three_clouds``: thirty orders over three clouds at once, on one host with one worker.

Everything is what ``make up`` starts, with AWS's real provider before moto and the stand-in providers before the other
two simulated clouds; so the times are the platform's and Terraform's own, not a cloud's. All orders are placed at
once, ten a cloud, machines, buckets and clusters mixed, and destroyed at once when all have ended.
Memory is the sum of the resident sets of every process of the trial (pages that processes share count for each).
"""

from __future__ import annotations

import argparse
import re
import statistics
import sys
import tempfile
import threading
import time
from collections import Counter
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from itertools import product
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import httpx
import psutil

from tests.e2e.stack import Stack, running_stack, wait_for

REGIONS = {"aws": "eu-west-1", "azure": "westeurope", "gcp": "europe-west1"}
MIX = ("vm", "bucket", "kubernetes", "vm", "bucket", "vm", "bucket", "kubernetes", "vm", "bucket")  # ten a cloud
SIZES = {"vm": {"size": "small"}, "bucket": {}, "kubernetes": {"node_size": "medium"}}
CREDIT = 100_000  # USD
PATIENCE = 3600  # seconds for all orders, and for all destroys
LIVE = ("queued", "preparing", "planning", "awaiting_approval", "applying")
CACHE_ERRORS = re.compile(
    r"text file busy|checksum|failed to install provider|failed to load plugin schemas|plugin did not respond"
    r"|provider produced an invalid|could not (?:load|query) provider|error while installing",
    re.IGNORECASE,
)


@dataclass(frozen=True)
class Order:
    """One order and how its run ended. Times in seconds."""

    provider: str
    kind: str
    resource: str
    run: dict[str, Any]

    @property
    def until_end(self) -> float:
        return _seconds(self.run["queued_at"], self.run["finished_at"])

    @property
    def of_run(self) -> float:
        return _seconds(self.run["started_at"], self.run["finished_at"])


class Memory:
    """Looks at the resident sets of a process and all below it, again and again, while the block lasts. Bytes."""

    def __init__(self, stack: Stack) -> None:
        self.stack, self.done = stack, threading.Event()
        self.before, self.peak, self.peak_of_runs = self._all()[0], 0, 0
        self.thread = threading.Thread(target=self._watch, daemon=True)

    def __enter__(self) -> Self:
        self.thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.done.set()
        self.thread.join()

    def _watch(self) -> None:
        while not self.done.wait(0.5):
            with suppress(psutil.Error):
                everything, runs = self._all()
                self.peak, self.peak_of_runs = max(self.peak, everything), max(self.peak_of_runs, runs)

    def _all(self) -> tuple[int, int]:
        """(of everything, of the worker's runs)"""
        worker = psutil.Process(self.stack.demo["pids"]["worker"])
        return _resident(psutil.Process(self.stack.process.pid)), _resident(worker) - worker.memory_info().rss


def _resident(top: psutil.Process) -> int:
    total = 0
    for each in [top, *top.children(recursive=True)]:
        with suppress(psutil.Error):
            total += each.memory_info().rss
    return total


def bench_three_clouds(stack: Stack) -> bool:
    """Order, wait, report, destroy; whether all of it ended well."""
    with stack.api() as api, Memory(stack) as memory:
        _wait_until_idle(api)
        orders = _order_all(stack, api)
        ended = _wait_for_all(api, orders)
        errors = [event for order in ended for event in stack.events(api, order.run["id"]) if _is_cache_error(event)]
        _report(ended, errors, memory)
        gone, left = _destroy_all(stack, api, ended)
    failed = [order for order in [*ended, *gone] if order.run["status"] != "succeeded"]
    for order in failed:
        print(f"  FAILED {order.provider}/{order.kind} {order.run['operation']}: {order.run['error']}")
    print(f"  destroyed {len(gone)}, objects left with our tags: {left}", flush=True)
    return not (failed or errors or left)


def _wait_until_idle(api: httpx.Client) -> None:
    """The demo machine of every trial is made first."""
    wait_for(lambda: not any(run["status"] in LIVE for run in api.get("/runs").json()["results"]), "an idle worker")


def _order_all(stack: Stack, api: httpx.Client) -> list[tuple[str, str, dict[str, Any]]]:
    placed, started = [], time.monotonic()
    for number, kind in enumerate(MIX):
        for provider, region in REGIONS.items():
            inputs = {"region": region, **SIZES[kind]}
            placed.append((provider, kind, stack.order(api, f"b{number}-{provider}", f"{provider}/{kind}", **inputs)))
    print(f"{len(placed)} orders placed in {time.monotonic() - started:.1f} s", flush=True)
    return placed


def _wait_for_all(api: httpx.Client, orders: list[tuple[str, str, dict[str, Any]]]) -> list[Order]:
    waiting, ended, deadline = list(orders), [], time.monotonic() + PATIENCE
    while waiting and time.monotonic() < deadline:
        time.sleep(1)
        for each in list(waiting):
            provider, kind, order = each
            run = api.get(f"/runs/{order['run']['id']}").json()
            if run["status"] not in LIVE:
                ended.append(Order(provider, kind, order["id"], run))
                waiting.remove(each)
    if waiting:
        sys.exit(f"{len(waiting)} of {len(orders)} runs have not ended after {PATIENCE} s")
    return ended


def _report(orders: list[Order], errors: list[dict[str, Any]], memory: Memory) -> None:
    print(f"  {'':<20}{'order to end':>24}{'the run itself':>24}")
    print(f"  {'':<20}{'median':>12}{'p95':>12}{'median':>12}{'p95':>12}")
    groups = [(provider, [one for one in orders if one.provider == provider]) for provider in REGIONS]
    for provider, kind in product(REGIONS, SIZES):
        groups.append((f"{provider}/{kind}", [one for one in orders if (one.provider, one.kind) == (provider, kind)]))
    for name, group in groups:
        times = [_median_p95([each.until_end for each in group]), _median_p95([each.of_run for each in group])]
        print(f"  {name:<20}" + "".join(f"{figure:>10.1f} s" for pair in times for figure in pair))
    mib = 2**20
    print(f"  ended: {dict(Counter(order.run['status'] for order in orders))}; provider cache errors: {len(errors)}")
    print(
        f"  memory: {memory.before / mib:,.0f} MiB idle, {memory.peak / mib:,.0f} MiB at its peak, "
        f"of which runs at most {memory.peak_of_runs / mib:,.0f} MiB",
        flush=True,
    )
    for event in errors[:5]:
        print(f"  CACHE {event['message']}")


def _destroy_all(stack: Stack, api: httpx.Client, orders: list[Order]) -> tuple[list[Order], int]:
    """The runs that destroyed everything, and how many objects are left."""
    asked = [(one.provider, one.kind, api.delete(f"/resources/{one.resource}").json()) for one in orders]
    gone = _wait_for_all(api, asked)
    return gone, sum(len(stack.tagged(one.provider, one.resource)) for one in orders)


def _is_cache_error(event: dict[str, Any]) -> bool:
    return bool(CACHE_ERRORS.search(f"{event['message']} {event['data']}"))


def _median_p95(times: list[float]) -> tuple[float, float]:
    return statistics.median(times), sorted(times)[min(int(len(times) * 0.95), len(times) - 1)]


def _seconds(since: str, until: str) -> float:
    return (datetime.fromisoformat(until) - datetime.fromisoformat(since)).total_seconds()


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--at-once", type=int, default=4, help="runs at once on the worker")
    at_once = str(parser.parse_args(arguments).at_once)
    limits = {"WORKER_CONCURRENCY": at_once, "RUNS_PER_ORGANIZATION": at_once}
    print(f"Thirty orders over three clouds, {at_once} runs at once, {psutil.cpu_count()} cores")
    with tempfile.TemporaryDirectory(prefix="skyvend-bench-") as folder:
        Path(folder).chmod(0o755)  # runs become nobody, who must get here
        with running_stack(Path(folder) / "data", TRIAL_CREDIT_USD=str(CREDIT), **limits) as stack:
            return 0 if bench_three_clouds(stack) else 1


if __name__ == "__main__":
    sys.exit(main())
