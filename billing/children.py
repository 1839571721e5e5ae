"""Work whose libraries must not be in a worker: done by a command in a process of its own."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable

from django.conf import settings


def work_off(command: str, *, seconds: int, give_up: int, count_due: Callable[[], int]) -> bool:
    """If anything is due have ``manage.py <command> --due`` begin on it for ``seconds``; whether to ring again.

    That is so while some of it is left and some was done: what cannot be done stays due until the next tick. Raises
    ``subprocess.TimeoutExpired`` when the command has not ended after ``give_up`` seconds.
    """
    before = count_due()
    if not before:
        return False
    argv = [sys.executable, "manage.py", command, "--due", "--seconds", str(seconds)]
    subprocess.run(argv, cwd=settings.BASE_DIR, check=False, timeout=give_up, stdin=subprocess.DEVNULL)
    return 0 < count_due() < before
