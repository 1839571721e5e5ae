"""The trial on this machine: where its files are, what its processes are told, what must hold before they start."""

import fcntl
import os
import secrets
import tempfile
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import IO

import httpx
import psycopg
import redis

from provisioning.terraform import binary, isolation, mirror

from . import servers, standins

ROOT = Path(__file__).resolve().parent.parent
GENERATED = {  # bytes of randomness; people type the last two
    "SECRET_KEY": 36,
    "FERNET_KEYS": 36,
    "POSTGRES_PASSWORD": 24,
    "REDIS_PASSWORD": 24,
    "SANDBOX_CONTROL_KEY": 24,
    "DEMO_PASSWORD": 12,
    "OPERATOR_PASSWORD": 12,
}
DEMO_EMAIL, OPERATOR_EMAIL = "demo@skyvend.test", "operator@skyvend.test"


class CannotRun(Exception):
    """The trial cannot start; the text is one line that says what to do."""


@dataclass(frozen=True)
class Trial:
    """Where this trial lives. ``port`` is the web's; everything else listens on ports nobody needs to know."""

    data: Path
    port: int

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def run(self) -> Path:
        """Pid files, and the mark that the database is ready."""
        return self.data / "run"

    @property
    def migrated(self) -> Path:
        return self.run / "migrated"

    @property
    def demo_file(self) -> Path:
        return self.data / "demo.json"

    @property
    def standins(self) -> Path:
        """The stand-in providers and their interpreter."""
        return self.data / "sandbox" / "standins"

    def simulated(self, cloud: str) -> Path:
        """Where a simulated cloud keeps what exists in it."""
        return self.data / "sandbox" / f"{cloud}.sqlite"

    def pid_file(self, name: str) -> Path:
        return self.run / f"{name}.pid"


def read_options() -> Trial:
    """From PORT and DATA in the environment. Raises :class:`CannotRun`, for HISTORY_DAYS too."""
    port = os.environ.get("PORT") or "8000"
    if not port.isdigit() or not 0 < int(port) < 65536:
        raise CannotRun(f"PORT={port} is not a port: choose a number such as make up PORT=8001.")
    history_days()
    return Trial(data=Path(os.environ.get("DATA") or ROOT / "var").resolve(), port=int(port))


def history_days() -> int:
    """HISTORY_DAYS of the environment: how long a past the second demo tenant gets; 0: there is none."""
    given = os.environ.get("HISTORY_DAYS") or "0"
    if not given.isdigit() or not (int(given) == 0 or 7 <= int(given) <= 730):
        raise CannotRun(
            f"HISTORY_DAYS={given} is not a number from 7 to 730: choose one such as make up HISTORY_DAYS=90."
        )
    return int(given)


def prepare_data(trial: Trial) -> IO[str]:
    """Make DATA and claim it; the claim lasts as long as the returned file is open. Raises :class:`CannotRun`."""
    try:
        trial.data.mkdir(mode=0o711, parents=True, exist_ok=True)
        trial.run.mkdir(mode=0o700, exist_ok=True)
        with tempfile.TemporaryFile(dir=trial.data):
            claim = (trial.run / "up.lock").open("w")
    except OSError as error:
        raise CannotRun(
            f"{trial.data} cannot be written ({error.strerror}): choose another with make up DATA=folder."
        ) from error
    try:
        fcntl.flock(claim, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        raise CannotRun(f"Another make up is running with {trial.data}: stop it, or choose another DATA.") from error
    for left_over in [trial.migrated, trial.demo_file, *trial.run.glob("*.pid")]:
        left_over.unlink(missing_ok=True)
    return claim


def check_port(trial: Trial) -> None:
    if not servers.is_port_free(trial.port):
        raise CannotRun(
            f"Port {trial.port} is taken: stop what uses it, or choose another with make up PORT={trial.port + 1}."
        )


def keep_secrets(trial: Trial) -> dict[str, str]:
    """The trial's own keys and passwords: made once, kept in DATA/secrets.env (0600). The environment's win."""
    path = trial.data / "secrets.env"
    kept = dict(line.split("=", 1) for line in path.read_text().splitlines() if "=" in line) if path.exists() else {}
    missing = {name: secrets.token_urlsafe(size) for name, size in GENERATED.items() if name not in kept}
    if missing:
        kept |= missing
        write_private(path, "".join(f"{name}={value}\n" for name, value in kept.items()))
    return {name: os.environ.get(name) or value for name, value in kept.items()}


def write_private(path: Path, text: str) -> None:
    """Put ``text`` at ``path`` for nobody else to read, whole or not at all."""
    partial = path.with_name(f".{path.name}.partial")
    partial.unlink(missing_ok=True)
    with os.fdopen(os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.write(text)
    partial.replace(path)


def check_given_servers() -> None:
    """DATABASE_URL and REDIS_URL from outside must answer. Raises :class:`CannotRun`."""
    database, doorbell = os.environ.get("DATABASE_URL"), os.environ.get("REDIS_URL")
    try:
        if database:
            psycopg.connect(database, connect_timeout=5).close()
    except psycopg.Error as error:
        raise CannotRun(f"DATABASE_URL does not work ({_first_line(error)}): correct it, or unset it.") from error
    try:
        if doorbell:
            redis.Redis.from_url(doorbell, socket_connect_timeout=5, retry=None).ping()
    except (redis.RedisError, ValueError) as error:
        raise CannotRun(f"REDIS_URL does not work ({_first_line(error)}): correct it, or unset it.") from error


def find_engine(place: Trial) -> dict[str, str]:
    """The engine and its providers, fetched if need be, as settings. Raises :class:`CannotRun`."""
    releases = os.environ.get("ENGINE_RELEASES") or binary.RELEASES
    modules = Path(os.environ.get("TERRAFORM_MODULES") or ROOT / "terraform_modules")
    try:
        engine = binary.find(configured=os.environ.get("TERRAFORM_BINARY", ""), data=place.data, releases=releases)
        providers = mirror.find(
            configured=os.environ.get("TERRAFORM_PLUGIN_MIRROR", ""), data=place.data, binary=engine, modules=modules
        )
    except (binary.NoEngine, mirror.NoMirror) as error:
        raise CannotRun(str(error)) from error
    print(f"Engine: {engine.label} ({engine.path}); providers: {providers}", flush=True)
    return {"TERRAFORM_BINARY": str(engine.path), "SANDBOX_PLUGIN_MIRROR": str(standins.install(place.standins))}


def choose_isolation() -> str:
    """``bubblewrap`` where it works, else ``none``, said aloud; the environment's choice wins."""
    if chosen := os.environ.get("RUNNER_ISOLATION"):
        return chosen
    if problem := isolation.probe(os.environ.get("RUNNER_USER") or "nobody"):
        print(f"Runs are NOT isolated on this machine: {problem}", flush=True)
        return "none"
    return "bubblewrap"


def platform_environment(trial: Trial, kept: dict[str, str], ports: dict[str, int]) -> dict[str, str]:
    """What web, worker and scheduler are told. ``ports`` are those of the simulated clouds."""
    return {
        **os.environ,
        **find_engine(trial),
        "DJANGO_SETTINGS_MODULE": "config.settings",
        "PYTHONUNBUFFERED": "1",
        "TRIAL": "1",
        "DEBUG": "",
        "DATA": str(trial.data),
        "SECRET_KEY": kept["SECRET_KEY"],
        "FERNET_KEYS": kept["FERNET_KEYS"],
        "ALLOWED_HOSTS": os.environ.get("ALLOWED_HOSTS") or "localhost,127.0.0.1,[::1]",
        "SITE_URL": os.environ.get("SITE_URL") or trial.url,
        "RUNNER_ISOLATION": choose_isolation(),
        "SANDBOX_CONTROL_KEY": kept["SANDBOX_CONTROL_KEY"],
        **{f"SANDBOX_{cloud.upper()}_ENDPOINT": f"http://127.0.0.1:{port}" for cloud, port in ports.items()},
        "SANDBOX_STARTED_AT": datetime.now(UTC).isoformat(),
    }


def is_ready(trial: Trial) -> bool:
    try:
        return httpx.get(f"{trial.url}/health/ready", timeout=10, trust_env=False).status_code == 200
    except httpx.TransportError:
        return False


def _first_line(error: Exception) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0]
