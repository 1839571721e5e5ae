"""``python -m bench.metering``: an hour of 10,000 resources in one pass, and a day's hours after downtime.

The pass is the one the worker makes, in a process of its own on a durable PostgreSQL: usage records, daily sums, holds
and one charge per tenant and hour. The reference does the same for a sample, row by row with the ORM.
"""

from __future__ import annotations

import argparse
import sys

from .orders import report
from .stack import Stack, running

RESOURCES, LINES = 10_000, 3
DOWNTIME = 24  # hours
SAMPLE = 300  # meters booked the plain way
PASS_LIMIT = 15.0  # seconds for an hour of everything, on two cores that others use too
GROWTH_LIMIT = 8.0  # MB, however many resources or hours
RATIO_LIMIT = 10.0  # times faster per record than the plain way


def bench(stack: Stack, resources: int) -> bool:
    def run(verb: str, *numbers: int) -> dict[str, float]:
        return stack.run_module("bench.metered", verb, *map(str, numbers))

    meters = run("fill", resources)["meters"]
    run("book", 1)  # warm: the first hour makes the day's sums
    hour = run("book", 2)
    plain = run("plainly", SAMPLE, 2)
    day = run("book", 2 + DOWNTIME)
    checked = run("check")
    ratio = (plain["seconds"] / plain["records"]) / (hour["seconds"] / hour["records"])
    growth = max(hour["megabytes"], day["megabytes"])
    is_constant = growth <= GROWTH_LIMIT
    print(f"Metering {resources:,} resources, {meters:,.0f} records an hour")
    return all(
        [
            report("an hour of all, one pass", f"{hour['seconds']:.1f} s", is_met=hour["seconds"] <= PASS_LIMIT),
            report("records", f"{hour['records']:,.0f}", is_met=hour["records"] == meters == resources * LINES),
            report(f"faster than row by row (>= {RATIO_LIMIT:.0f})", f"{ratio:.0f} x", is_met=ratio >= RATIO_LIMIT),
            report(f"{DOWNTIME} hours after downtime, one pass", f"{day['seconds']:.1f} s", is_met=True),
            report("records", f"{day['records']:,.0f}", is_met=day["records"] == meters * DOWNTIME),
            report(f"memory growth of the process (<= {GROWTH_LIMIT:.0f})", f"{growth:.1f} MB", is_met=is_constant),
            report("differences that a check of all books finds", f"{checked['differences']}",
                   is_met=not checked["differences"]),
            report("seconds of that check", f"{checked['seconds']:.1f} s", is_met=True),
        ]
    )  # fmt: skip


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="bench.metering", description=__doc__)
    parser.add_argument("--resources", type=int, default=RESOURCES, help="a multiple of 20")
    options = parser.parse_args(arguments)
    with running(web_processes=1) as stack:
        return 0 if bench(stack, options.resources) else 1


if __name__ == "__main__":
    sys.exit(main())
