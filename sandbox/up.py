"""``make up``: everything on this machine, under one process manager. Ctrl-C or SIGTERM stops all of it."""

import os
import shlex
import signal
import sys
import threading
import time
from pathlib import Path
from types import FrameType
from typing import Any

from honcho import manager

from . import keep, servers, trial

manager.KILL_WAIT = 40  # seconds for a clean stop: a run is told to stop, its state is stored, then the servers go
SIMULATED = ("azure", "gcp")  # clouds of our own making; AWS is moto
CLIENTS = ("ready", "web", "worker", "scheduler")  # the servers outlive these


class Manager(manager.Manager):  # type: ignore[misc]
    """honcho's, which also survives the terminal being closed long enough to stop everything."""

    def _start(self) -> None:
        signal.signal(signal.SIGHUP, signal.SIG_IGN)  # the children that read output inherit this
        super()._start()
        signal.signal(signal.SIGHUP, _stop_like_sigterm)


def _stop_like_sigterm(_number: int, _frame: FrameType | None) -> None:
    os.kill(os.getpid(), signal.SIGTERM)


class Processes:
    """The list of what runs, in the words of the process manager."""

    def __init__(self, place: trial.Trial) -> None:
        self.place, self.manager = place, Manager()

    def add(self, name: str, argv: list[str], environment: dict[str, str], **how: Any) -> None:
        """``how`` goes to :func:`sandbox.keep.command`."""
        kept = keep.command(argv, pid_file=self.place.pid_file(name), owner=os.getpid(), **how)
        self.manager.add_process(name, "exec " + shlex.join(kept), env=environment, cwd=str(trial.ROOT))

    def add_servers(self, kept: dict[str, str]) -> dict[str, str]:
        """PostgreSQL and Valkey, each unless its address is given; returns the addresses to use."""
        postgres, valkey = servers.servers(
            self.place.data,
            postgres_port=servers.free_port(),
            redis_port=servers.free_port(),
            postgres_password=kept["POSTGRES_PASSWORD"],
            redis_password=kept["REDIS_PASSWORD"],
        )
        addresses = {}
        for name, variable, server in (("postgres", "DATABASE_URL", postgres), ("redis", "REDIS_URL", valkey)):
            if not os.environ.get(variable):
                server.initialise()
                self._add_server(name, server.argv, user=server.user, stop_signal=server.stop_signal)
                addresses[variable] = server.url
        return addresses

    def add_moto(self, port: int, control_key: str) -> None:
        argv = [sys.executable, "-m", "sandbox.moto", str(port)]
        self._add_server("moto", argv, variables={"SANDBOX_CONTROL_KEY": control_key})

    def add_simulated(self, cloud: str, port: int, control_key: str) -> None:
        argv = [sys.executable, "-m", "sandbox.simulated", cloud, str(port), str(self.place.simulated(cloud))]
        self._add_server(cloud, argv, variables={"SANDBOX_CONTROL_KEY": control_key})

    def _add_server(self, name: str, argv: list[str], variables: dict[str, str] | None = None, **how: Any) -> None:
        after = tuple(self.place.pid_file(client) for client in CLIENTS)
        environment = {
            "PATH": os.environ.get("PATH", os.defpath),
            "LC_ALL": "C.UTF-8",
            "TZ": "UTC",
            **(variables or {}),
        }
        self.add(name, argv, environment, restart=True, grace=35, after=after, **how)

    def add_platform(self, environment: dict[str, str], kept: dict[str, str]) -> None:
        manage = [sys.executable, "manage.py"]
        web = [sys.executable, "-m", "uvicorn", "config.asgi:application", "--host", "127.0.0.1"]
        web += ["--port", str(self.place.port), "--workers", os.environ.get("WEB_CONCURRENCY") or "2"]
        web += ["--no-access-log", "--no-proxy-headers", "--log-config", "config/uvicorn.json"]
        web += ["--timeout-worker-healthcheck", "60"]  # a busy process is not a dead one
        web += ["--lifespan", "off", "--timeout-graceful-shutdown", "3"]
        self.add("web", web, environment, restart=True, grace=10)
        late = {"restart": True, "before": self.place.migrated}
        self.add("worker", [*manage, "worker"], environment, grace=30, **late)
        self.add("scheduler", [*manage, "crontab", "--no-heartbeat"], environment, **late)
        passwords = {name: kept[name] for name in ("DEMO_PASSWORD", "OPERATOR_PASSWORD")}
        ready = [sys.executable, "-m", "sandbox.ready", str(self.place.port)]
        self.add("ready", ready, {**environment, **passwords}, grace=5)


def main() -> int:
    """0 after a stop that was asked for; 1 with one line on stderr when it cannot run here."""
    started = time.monotonic()
    try:
        place = trial.read_options()
        claim = trial.prepare_data(place)
        trial.check_port(place)
        trial.check_given_servers()
        processes = _processes(place)
    except (trial.CannotRun, servers.CannotStart) as error:
        print(f"make up: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 1
    with claim:
        _follow_make()
        processes.manager.loop()
    place.demo_file.unlink(missing_ok=True)
    asked = processes.manager.returncode in {signal.SIGINT + 128, signal.SIGTERM + 128}
    print(f"Stopped after {time.monotonic() - started:.0f} s. Data is kept in {place.data}.", flush=True)
    return 0 if asked else 1


def _processes(place: trial.Trial) -> Processes:
    kept = trial.keep_secrets(place)
    ports = {cloud: servers.free_port() for cloud in ("aws", *SIMULATED)}
    environment = trial.platform_environment(place, kept, ports)
    processes = Processes(place)
    environment |= processes.add_servers(kept)
    processes.add_moto(ports["aws"], kept["SANDBOX_CONTROL_KEY"])
    for cloud in SIMULATED:
        processes.add_simulated(cloud, ports[cloud], kept["SANDBOX_CONTROL_KEY"])
    processes.add_platform(environment, kept)
    return processes


def _follow_make() -> None:
    """When make was killed without a chance to tell us, stop too."""
    parent = os.getppid()
    if "MAKELEVEL" not in os.environ or not Path("/proc").exists():
        return

    def watch() -> None:
        while os.getppid() == parent:
            time.sleep(1)
        os.kill(os.getpid(), signal.SIGTERM)

    threading.Thread(target=watch, daemon=True).start()


if __name__ == "__main__":
    sys.exit(main())
