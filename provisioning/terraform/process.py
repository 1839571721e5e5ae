"""One engine process: started behind the wall, read line by line, watched, and stopped when told to."""

from __future__ import annotations

import json
import os
import queue
import select
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO

import psutil
import structlog

from .isolation import Limits
from .workspace import Runner, Workspace

log = structlog.get_logger(__name__)
TICK = 0.1  # seconds between looks at the clock and at the cancel flag while nothing is printed
WATCH_EVERY = 1.0  # seconds between looks at memory and disk
LINE_BYTES = 1 << 20  # a longer line is cut
STDERR_BYTES = 64 * 1024  # the last of it is kept
LINGER = 2.0  # seconds that output may stay open after the engine ended
LISTENS_WITHIN = 5.0  # seconds until the engine surely handles an interrupt, if it printed nothing yet


@dataclass(frozen=True, slots=True)
class Ended:
    """How a process ended. ``killed_for`` is empty unless a limit ended it: "time", "memory" or "disk"."""

    returncode: int
    is_canceled: bool
    killed_for: str
    stderr: str

    @property
    def is_success(self) -> bool:
        return self.returncode == 0 and not self.killed_for


@dataclass(frozen=True, slots=True, kw_only=True)
class Watch:
    """What the owner of a process wants to be asked while it runs, all from the thread that called :func:`run`."""

    on_line: Callable[[str], None]
    on_tick: Callable[[], None] = lambda: None  # about every 0.1 s
    is_canceled: Callable[[], bool] = lambda: False
    grace: float = 60.0  # seconds between the interrupt and the kill


def run(
    runner: Runner,
    workspace: Workspace,
    argv: Sequence[str],
    *,
    environment: Mapping[str, str],
    limits: Limits,
    watch: Watch,
) -> Ended:
    """Run the engine with ``argv`` in ``workspace`` to its end and say how it ended.

    The calling thread must live as long as the process: bubblewrap dies with the thread that started it. Whatever
    ``watch`` raises ends the process (interrupt, grace, kill) before it goes on to the caller.
    """
    process = _Process(runner, workspace, argv, environment, limits)
    try:
        return process.follow(watch)
    finally:
        process.end(watch.grace)


class _Process:
    def __init__(
        self, runner: Runner, workspace: Workspace, argv: Sequence[str], environment: Mapping[str, str], limits: Limits
    ) -> None:
        self.limits = limits
        self.folder = workspace.path
        self.started = time.monotonic()
        self.interrupted: float | None = None
        self.has_spoken = False
        self.killed_for = ""
        self.stderr = b""
        self.lines: queue.Queue[bytes | None] = queue.Queue(maxsize=2000)
        self.engine_pid = 0
        self._start(runner, workspace, [str(runner.toolchain.binary), *argv], environment)

    def _start(self, runner: Runner, workspace: Workspace, argv: list[str], environment: Mapping[str, str]) -> None:
        isolation = runner.isolation
        info, info_write = os.pipe()
        command = isolation.command(
            argv,
            workspace=workspace.path,
            readable=runner.readable(workspace),
            limits=self.limits,
            info_fd=info_write if isolation.bwrap else None,
        )
        drop = isolation.user.popen_arguments() if isolation.user else {}
        try:
            self.child = subprocess.Popen(  # type: ignore[call-overload]
                command,
                cwd=workspace.path,
                env=dict(environment),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                pass_fds=(info_write,) if isolation.bwrap else (),
                start_new_session=True,
                **drop,
            )
        finally:
            os.close(info_write)
        self.engine_pid = _child_pid(info) if isolation.bwrap else self.child.pid
        os.close(info)
        self._listen()

    def _listen(self) -> None:
        self.readers = [
            threading.Thread(target=self._read_lines, args=(self.child.stdout,), daemon=True),
            threading.Thread(target=self._read_stderr, args=(self.child.stderr,), daemon=True),
        ]
        for reader in self.readers:
            reader.start()

    def _read_lines(self, stream: IO[bytes]) -> None:
        while line := stream.readline(LINE_BYTES):
            self.lines.put(line)
        self.lines.put(None)

    def _read_stderr(self, stream: IO[bytes]) -> None:
        while chunk := stream.read1(8192):  # type: ignore[attr-defined]
            self.stderr = (self.stderr + chunk)[-STDERR_BYTES:]

    def follow(self, watch: Watch) -> Ended:
        watched = self.started
        while True:
            try:
                line = self.lines.get(timeout=TICK)
            except queue.Empty:
                line = b""
                if self._is_left_open():
                    break
            if line is None:
                break
            if line:
                self.has_spoken = True
                watch.on_line(line.decode(errors="replace"))
            watch.on_tick()
            self._look(watch)
            if time.monotonic() - watched >= WATCH_EVERY:
                watched = time.monotonic()
                self._check_limits()
        self.child.wait(timeout=watch.grace)
        self.readers[1].join(timeout=2)
        watch.on_tick()
        return Ended(
            returncode=self.child.returncode,
            is_canceled=self.interrupted is not None and not self.killed_for,
            killed_for=self.killed_for,
            stderr=self.stderr.decode(errors="replace"),
        )

    def _is_left_open(self) -> bool:
        """Whether the engine is gone but something it started still holds its output (only without the wall)."""
        if self.child.poll() is None:
            return False
        self.readers[0].join(timeout=LINGER)
        return self.readers[0].is_alive() and self.lines.empty()

    def _look(self, watch: Watch) -> None:
        """Interrupt once when canceled or out of time, kill when the grace is over."""
        now = time.monotonic()
        if self.interrupted is not None:
            if now - self.interrupted > watch.grace:
                self.kill()
        elif now - self.started > self.limits.wall_seconds:
            self.killed_for = "time"
            self.interrupt()
        elif watch.is_canceled():
            self.interrupt()

    def interrupt(self) -> None:
        """Ask the engine itself to stop after what it is doing. Only once: a second interrupt drops the state."""
        if not self.has_spoken and time.monotonic() - self.started < LISTENS_WITHIN:
            return  # it may not handle interrupts yet; asked again at the next tick
        self.interrupted = time.monotonic()
        if not _signal(self.engine_pid, signal.SIGINT):
            self.kill()

    def kill(self) -> None:
        """End every process of the run at once. Behind the wall the kernel ends all of them with the first."""
        if self.child.poll() is None:  # else the engine is gone too, and its number may be somebody else's
            _signal(self.engine_pid, signal.SIGKILL)
        _signal_group(self.child.pid, signal.SIGKILL)

    def end(self, grace: float) -> None:
        """Make sure that nothing is left, also when following it was cut short by an error of ours."""
        if self.child.poll() is None:
            _signal(self.engine_pid, signal.SIGINT)
            try:
                self.child.wait(timeout=grace)
            except subprocess.TimeoutExpired:
                log.warning("a run did not stop in time and is killed", pid=self.child.pid)
        self.kill()
        self.child.wait()
        for _ in range(20):  # the reader may wait for room in the queue
            if self.readers[0].is_alive():
                _drain(self.lines)
                self.readers[0].join(timeout=TICK)
        for reader, stream in zip(self.readers, (self.child.stdout, self.child.stderr), strict=True):
            reader.join(timeout=TICK)
            if not reader.is_alive():
                stream.close()

    def _check_limits(self) -> None:
        if _resident_mb(self.child.pid) > self.limits.memory_mb:
            self.killed_for = "memory"
        elif _disk_mb(self.folder) > self.limits.workspace_mb:
            self.killed_for = "disk"
        else:
            return
        self.kill()


def _child_pid(info: int) -> int:
    """The engine's pid as bubblewrap reports it (it becomes process 1 inside); 0 when bubblewrap failed."""
    text = b""
    while not text.rstrip().endswith(b"}"):
        readable, _, _ = select.select([info], [], [], 20)
        chunk = os.read(info, 4096) if readable else b""
        if not chunk:
            return 0
        text += chunk
    return int(json.loads(text)["child-pid"])


def _signal(pid: int, number: int) -> bool:
    """Send it; False when there is nobody to send it to."""
    if pid <= 0:
        return False
    try:
        os.kill(pid, number)
    except (ProcessLookupError, PermissionError):
        return False
    return True


def _signal_group(leader: int, number: int) -> None:
    try:
        os.killpg(leader, number)
    except (ProcessLookupError, PermissionError):
        return


def _drain(lines: queue.Queue[bytes | None]) -> None:
    while not lines.empty():
        lines.get_nowait()


def _resident_mb(pid: int) -> float:
    """Memory in RAM of a process and all below it, in MB; programs shared between them count for each."""
    total = 0
    try:
        leader = psutil.Process(pid)
        family = [leader, *leader.children(recursive=True)]
    except psutil.NoSuchProcess:
        return 0
    for process in family:
        try:
            total += process.memory_info().rss
        except (psutil.NoSuchProcess, psutil.AccessDenied):
            continue
    return total / 1e6


def _disk_mb(folder: Path) -> float:
    total = 0
    for parent, _, names in os.walk(folder):
        for name in names:
            try:
                total += (Path(parent) / name).lstat().st_blocks * 512
            except OSError:
                continue
    return total / 1e6
