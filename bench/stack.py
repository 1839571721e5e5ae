"""The real web side for a bench: durable PostgreSQL, Valkey and uvicorn on loopback. No worker: orders stay queued."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil

from sandbox import keep, servers

ROOT = Path(__file__).resolve().parent.parent
PREFIX = "skyvend-bench-"


@dataclass(frozen=True)
class Stack:
    """Where the platform listens and with which environment its processes run."""

    port: int
    environment: dict[str, str]
    directory: Path

    def manage(self, *arguments: str) -> None:
        """Run a management command; its output is shown only when it fails."""
        self._run([sys.executable, "manage.py", *arguments])

    def tenant(self, *arguments: str) -> dict[str, Any]:
        """What ``python -m bench.tenant`` made or measured."""
        return self.run_module("bench.tenant", *arguments)

    def run_module(self, name: str, *arguments: str) -> dict[str, Any]:
        """What ``python -m <name>`` printed last, as JSON."""
        answer: dict[str, Any] = json.loads(self._run([sys.executable, "-m", name, *arguments]))
        return answer

    def cpu_seconds(self) -> float:
        """CPU that web, database and cache have used so far."""
        pids = [int(path.read_text()) for path in self.directory.glob("*.pid")]
        processes = [
            one for pid in pids for one in [psutil.Process(pid), *psutil.Process(pid).children(recursive=True)]
        ]
        return sum(sum(one.cpu_times()[:2]) for one in processes)

    def _run(self, argv: list[str]) -> str:
        done = subprocess.run(argv, cwd=ROOT, env=self.environment, capture_output=True, text=True, check=False)
        if done.returncode:
            sys.exit(f"{' '.join(argv[1:])} failed:\n{done.stdout}{done.stderr}")
        return done.stdout.splitlines()[-1] if done.stdout else ""


@contextmanager
def running(*, web_processes: int = 2) -> Iterator[Stack]:
    """Start everything, load the catalogue, and stop everything at the end."""
    directory = servers.temporary_directory(f"{PREFIX}{os.getpid()}-")
    keepers: list[subprocess.Popen[bytes]] = []

    def start(name: str, argv: list[str], environment: dict[str, str], **options: Any) -> None:
        kept = keep.command(argv, pid_file=directory / f"{name}.pid", owner=os.getpid(), **options)
        with (directory / f"{name}.log").open("wb") as log:
            keepers.append(subprocess.Popen(kept, cwd=ROOT, env=environment, stdout=log, stderr=log))

    try:
        database, cache = servers.servers(
            directory,
            postgres_port=servers.free_port(),
            redis_port=servers.free_port(),
            postgres_password=servers.new_password(),
            redis_password=servers.new_password(),
        )
        for name, server in (("redis", cache), ("postgres", database)):
            server.initialise()
            start(name, server.argv, dict(os.environ), user=server.user, stop_signal=server.stop_signal)
            server.wait()
        stack = Stack(servers.free_port(), _environment(directory, database.url, cache.url), directory)
        for command in ("migrate", "load_prices", "load_catalogue"):
            stack.manage(command)
        start("web", _web(stack.port, web_processes), stack.environment)
        servers.wait_for_http(f"http://127.0.0.1:{stack.port}/health/live", seconds=60)
        yield stack
    finally:
        for process in reversed(keepers):
            process.terminate()
            process.wait(timeout=30)
        shutil.rmtree(directory, ignore_errors=True)


def _web(port: int, processes: int) -> list[str]:
    options = ["--host", "127.0.0.1", "--port", str(port), "--workers", str(processes), "--no-access-log"]
    options += ["--timeout-worker-healthcheck", "60"]
    return [sys.executable, "-m", "uvicorn", "config.asgi:application", *options]


def _environment(directory: Path, database_url: str, redis_url: str) -> dict[str, str]:
    """As ``make up`` runs it: DEBUG off, trial on."""
    data = directory / "data"
    data.mkdir(mode=0o711, exist_ok=True)
    return {
        **os.environ,
        "DATABASE_URL": database_url,
        "REDIS_URL": redis_url,
        "DATA": str(data),
        "TRIAL": "1",
        "DEBUG": "",
        "SECRET_KEY": servers.new_password() + servers.new_password(),
        "FERNET_KEYS": servers.new_password(),
        "ALLOWED_HOSTS": "127.0.0.1,localhost,testserver",
        "LOG_LEVEL": os.environ.get("LOG_LEVEL", "INFO"),
        "TRIAL_CREDIT_USD": "0",
    }
