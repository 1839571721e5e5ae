"""Metering passes in processes made to be killed: ``python -m tests.billing.killed_pass``.

For every line on standard input a new process, forked from this one once Django is loaded, does what the worker's
actor does; its id comes out on standard output before it begins, and "ended" once it is gone, whichever way.
"""

import os
import sys

import django

django.setup()

from billing import metering  # noqa: E402  - after the setup


def main() -> None:
    for _ in sys.stdin:
        child = os.fork()
        if not child:
            print(os.getpid(), flush=True)  # noqa: T201
            metering.book_usage_alone()
            os._exit(0)
        os.waitpid(child, 0)
        print("ended", flush=True)  # noqa: T201


if __name__ == "__main__":
    main()
