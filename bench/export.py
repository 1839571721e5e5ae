"""``python -m bench.export``: a FOCUS export of a million rows over HTTP, in memory that does not grow with it.

The web process is a real one, its database too. Its memory is looked at while the client reads: the growth for a
million rows must be what it is for ten thousand, give or take the noise of an allocator. The reference builds the
same rows as a list and writes them with Python's csv, which is what most exports do.
"""

from __future__ import annotations

import argparse
import sys
import threading
import time
from dataclasses import dataclass
from types import TracebackType
from typing import Self

import httpx
import psutil

from .orders import report
from .stack import Stack, running

FEW, MANY = 10_000, 1_000_000
GROWTH_LIMIT = 24.0  # MB that a web process may grow by while it sends an export, however long
RATE_LIMIT = 20_000  # rows per second, on two cores that others use too
PERIOD = "from=2026-01-01&to=2026-12-31"


@dataclass(frozen=True)
class Exported:
    rows: int
    megabytes: float
    seconds: float
    growth: float  # MB: the web processes' peak above what they had before

    @property
    def rate(self) -> float:
        return self.rows / self.seconds


class Growth:
    """Looks at the resident sets of the web's processes while the block lasts."""

    def __init__(self, stack: Stack) -> None:
        parent = psutil.Process(int((stack.directory / "web.pid").read_text()))
        self.processes = [parent, *parent.children(recursive=True)]
        self.done = threading.Event()
        self.before = self.peak = self._now()
        self.thread = threading.Thread(target=self._watch, daemon=True)

    def __enter__(self) -> Self:
        self.thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.done.set()
        self.thread.join()

    @property
    def megabytes(self) -> float:
        return (self.peak - self.before) / 1024**2

    def _watch(self) -> None:
        while not self.done.wait(0.02):
            self.peak = max(self.peak, self._now())

    def _now(self) -> int:
        return sum(int(process.memory_info().rss) for process in self.processes)


def export(stack: Stack, token: str) -> Exported:
    """Read the whole export and keep nothing of it."""
    url = f"http://127.0.0.1:{stack.port}/api/v1/billing/export?format=focus&{PERIOD}"
    client = httpx.Client(headers={"Authorization": f"Token {token}"}, timeout=600, trust_env=False)
    lines = size = 0
    with Growth(stack) as growth:
        begun = time.perf_counter()
        with client, client.stream("GET", url) as answer:
            answer.raise_for_status()
            for part in answer.iter_bytes():
                lines += part.count(b"\n")
                size += len(part)
        seconds = time.perf_counter() - begun
    return Exported(lines - 1, size / 1024**2, seconds, growth.megabytes)


def bench(stack: Stack, many: int) -> bool:
    few = stack.run_module("bench.usage_rows", "make", "few", str(FEW))
    large = stack.run_module("bench.usage_rows", "make", "many", str(many))
    export(stack, few["token"])  # warm: imports, connections
    small, big = export(stack, few["token"]), export(stack, large["token"])
    listed = stack.run_module("bench.usage_rows", "list", large["account"])
    print(f"FOCUS export of {big.rows:,} rows ({big.megabytes:.0f} MB) over HTTP, one web process")
    return all(
        [
            report("rows", f"{big.rows:,}", is_met=big.rows == many and small.rows == FEW),
            report("seconds", f"{big.seconds:.1f} s", is_met=True),
            report(f"rows per second (>= {RATE_LIMIT:,})", f"{big.rate:,.0f}/s", is_met=big.rate >= RATE_LIMIT),
            report(f"memory growth for {small.rows:,} rows", f"{small.growth:.1f} MB", is_met=True),
            report(
                f"memory growth for {big.rows:,} rows (<= {GROWTH_LIMIT:.0f})",
                f"{big.growth:.1f} MB",
                is_met=big.growth <= GROWTH_LIMIT,
            ),
            report("the same as a list: memory growth", f"{listed['megabytes']:.0f} MB", is_met=True),
            report("the same as a list: seconds, without HTTP", f"{listed['seconds']:.1f} s", is_met=True),
            report("export's time by the list's", f"{big.seconds / listed['seconds']:.2f}", is_met=True),
        ]
    )


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="bench.export", description=__doc__)
    parser.add_argument("--rows", type=int, default=MANY, help="a multiple of 1,000")
    options = parser.parse_args(arguments)
    with running(web_processes=1) as stack:
        return 0 if bench(stack, options.rows) else 1


if __name__ == "__main__":
    sys.exit(main())
