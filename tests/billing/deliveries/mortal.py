"""A process that bears delivering workers, one per line it is told, and says their pids; they are there to be killed.

Born by fork from one that has loaded everything, so that a life begins within milliseconds.
"""

from __future__ import annotations

import os
import sys
import time

import django

django.setup()

from billing import deliveries  # noqa: E402  - needs the apps


def live() -> None:
    while True:
        deliveries.deliver_due(seconds=1)
        time.sleep(0.01)


if __name__ == "__main__":
    for _ in sys.stdin:
        pid = os.fork()
        if pid == 0:
            live()
        sys.stdout.write(f"{pid}\n")
        sys.stdout.flush()
        os.waitpid(pid, 0)
