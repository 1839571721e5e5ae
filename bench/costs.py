"""``python -m bench.costs [rows]``: what the costs page takes with 100,000 usage rows, booked hour by hour.

Times are the median of twenty requests through the whole of Django, without the network. The sums of days are compared
with the same sums made from the usage records: they must be equal, and their times are shown beside each other.
"""

from __future__ import annotations

import sys

from . import stack

ROWS = 100_000
LIMIT = 300  # milliseconds a page may take


def main(argv: list[str] | None = None) -> int:
    rows = int((argv or [str(ROWS)])[0])
    with stack.running() as running:
        found = running.run_module("bench.cost_pages", str(rows))
    print(f"costs: {found['usage_rows']:,} usage rows in {found['daily_rows']:,} sums of days")
    print(f"  by cloud and day, raw        {found['raw']:8.1f} ms")
    ratio = found["raw"] / found["rolled_up"]
    print(f"  by cloud and day, rolled up  {found['rolled_up']:8.1f} ms   {ratio:.1f} times as fast")
    print(f"  the two are {'equal' if found['is_equal'] else 'NOT EQUAL'}")
    for name, taken in found["pages"].items():
        print(f"  {name:<28} {taken:8.1f} ms{'' if taken < LIMIT else f'   over {LIMIT} ms'}")
    return 0 if found["is_equal"] and max(found["pages"].values()) < LIMIT else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
