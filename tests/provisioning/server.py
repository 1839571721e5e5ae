"""The web process as it runs in production, on the database of the test that starts it."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

from django.db import connection

from sandbox import servers

ROOT = Path(__file__).resolve().parents[2]


@contextmanager
def running_server() -> Iterator[str]:
    """``127.0.0.1:<port>`` of a uvicorn of its own; it is stopped at the end."""
    port = servers.free_port()
    database = urlsplit(os.environ["DATABASE_URL"])._replace(path=f"/{connection.settings_dict['NAME']}")
    argv = [sys.executable, "-m", "uvicorn", "config.asgi:application", "--port", str(port), "--log-level", "warning"]
    process = subprocess.Popen(argv, cwd=ROOT, env={**os.environ, "DATABASE_URL": urlunsplit(database)})
    try:
        servers.wait_for_http(f"http://127.0.0.1:{port}/health/live", seconds=60)
        yield f"127.0.0.1:{port}"
    finally:
        process.terminate()
        process.wait(30)
