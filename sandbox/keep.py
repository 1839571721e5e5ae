"""Keep one process running: ``python -m sandbox.keep --pid-file FILE [options] -- command ...``.

Starts it again with growing pauses when it dies, writes its pid, passes a stop on, leaves nothing of it behind, and
ends when its owner does (also when the owner was killed and could not say so). Standard library only, so that it
starts in a moment.
"""

import argparse
import contextlib
import ctypes
import os
import pwd
import select
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from types import FrameType

PR_SET_PDEATHSIG, PR_SET_CHILD_SUBREAPER = 1, 36  # linux/prctl.h
STEADY_SECONDS = 30.0  # a process that lived this long starts again at once
QUICK_DEATHS = 6  # this many in a row without a steady one: give up


def _prctl(option: int, value: int) -> None:
    if sys.platform == "linux":
        ctypes.CDLL(None, use_errno=True).prctl(option, value, 0, 0, 0)


def die_with_parent(stop: signal.Signals) -> Callable[[], None]:
    """What a child runs before exec, so that the kernel ends it when we are killed (Linux; elsewhere nothing)."""
    libc = ctypes.CDLL(None, use_errno=True) if sys.platform == "linux" else None

    def ask_the_kernel() -> None:
        if libc is not None:
            libc.prctl(PR_SET_PDEATHSIG, int(stop), 0, 0, 0)

    return ask_the_kernel


def _is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def _my_children() -> list[int]:
    path = Path(f"/proc/self/task/{os.getpid()}/children")
    return [int(pid) for pid in path.read_text().split()] if path.exists() else []


class Keeper:
    """One process and what must be true of it."""

    def __init__(self, options: argparse.Namespace) -> None:
        self.options = options
        self.name = Path(options.pid_file).stem
        self.stop_signal = signal.Signals[f"SIG{options.stop_signal}"]
        self.child: subprocess.Popen[bytes] | None = None
        self.is_stopping = False
        self.quick_deaths = 0

    def run(self) -> int:
        """Until told to stop (0) or until the process will not stay up (1)."""
        _prctl(PR_SET_CHILD_SUBREAPER, 1)  # what the child leaves behind becomes ours to end
        wake_up = self._listen()
        while self.options.before and not self.is_stopping and not Path(self.options.before).exists():
            self._sleep(wake_up, 0.1)
        while not self.has_to_stop():
            started = time.monotonic()
            status = self._run_once(wake_up)
            if self.has_to_stop():
                break
            if not self.options.restart:
                return status
            self.quick_deaths = 0 if time.monotonic() - started > STEADY_SECONDS else self.quick_deaths + 1
            if self.quick_deaths >= QUICK_DEATHS:
                self._say(f"ended {QUICK_DEATHS} times right after its start; giving up")
                return 1
            pause = min(2.0**self.quick_deaths / 2, 15.0)
            self._say(f"ended with {_in_words(status)}; starting it again in {pause:g} s")
            self._sleep(wake_up, pause)
        return 0

    def has_to_stop(self) -> bool:
        """Changes at any moment: a signal may come."""
        return self.is_stopping

    def _run_once(self, wake_up: int) -> int:
        self.child = self._start()
        pid_file = Path(self.options.pid_file)
        pid_file.write_text(f"{self.child.pid}\n")
        try:
            while self.child.poll() is None and not self.is_stopping:
                self._sleep(wake_up, 1.0)
            if self.child.poll() is None:
                self._stop(wake_up)
        finally:
            self._sweep_up()
            pid_file.unlink(missing_ok=True)
        return self.child.returncode

    def _start(self) -> subprocess.Popen[bytes]:
        person = pwd.getpwnam(self.options.user) if self.options.user else None
        return subprocess.Popen(
            self.options.command,
            stdin=subprocess.DEVNULL,
            start_new_session=True,
            preexec_fn=die_with_parent(self.stop_signal),  # noqa: PLW1509 - this process has one thread
            user=person.pw_uid if person else None,
            group=person.pw_gid if person else None,
            extra_groups=[] if person else None,
        )

    def _stop(self, wake_up: int) -> None:
        """Ask, wait, insist. Servers wait first for those they serve (``--after``)."""
        assert self.child is not None
        deadline = time.monotonic() + self.options.grace
        while time.monotonic() < deadline and any(Path(path).exists() for path in self.options.after):
            self._sleep(wake_up, 0.1)
        self.child.send_signal(self.stop_signal)
        while time.monotonic() < deadline and self.child.poll() is None:
            self._sleep(wake_up, 0.2)

    def _sweep_up(self) -> None:
        """End the rest of the process group and whatever else of the child's was left to us."""
        assert self.child is not None
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self.child.pid, signal.SIGKILL)
        self.child.wait()
        for _ in range(50):
            left = _my_children()
            if not left:
                return
            for pid in left:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
            with contextlib.suppress(ChildProcessError):
                while os.waitpid(-1, os.WNOHANG)[0]:
                    pass
            time.sleep(0.02)

    def _listen(self) -> int:
        """A pipe that becomes readable at every signal."""
        read_end, write_end = os.pipe()
        os.set_blocking(read_end, False)
        os.set_blocking(write_end, False)
        signal.set_wakeup_fd(write_end, warn_on_full_buffer=False)
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            signal.signal(number, self._on_stop)
        signal.signal(signal.SIGCHLD, lambda _number, _frame: None)
        return read_end

    def _on_stop(self, _number: int, _frame: FrameType | None) -> None:
        self.is_stopping = True

    def _sleep(self, wake_up: int, seconds: float) -> None:
        ready, _, _ = select.select([wake_up], [], [], seconds)
        if ready:
            os.read(wake_up, 512)
        if self.options.owner and not _is_alive(self.options.owner):
            self.is_stopping = True

    def _say(self, text: str) -> None:
        with contextlib.suppress(OSError):
            print(f"{self.name} {text}", flush=True)


def _in_words(status: int) -> str:
    return f"status {status}" if status >= 0 else signal.Signals(-status).name


def command(
    argv: list[str],
    *,
    pid_file: Path,
    owner: int,
    user: str | None = None,
    restart: bool = False,
    stop_signal: str = "TERM",
    grace: float = 15.0,
    before: Path | None = None,
    after: tuple[Path, ...] = (),
) -> list[str]:
    """The argument list that keeps ``argv`` running for as long as process ``owner`` lives.

    ``user`` is whom to become first (only root can). ``before`` must exist before the first start. ``after`` are pid
    files of the processes to outlive on a stop.
    """
    options = ["--pid-file", str(pid_file), "--owner", str(owner), "--stop-signal", stop_signal, "--grace", str(grace)]
    options += ["--user", user] if user else []
    options += ["--restart"] if restart else []
    options += ["--before", str(before)] if before else []
    for path in after:
        options += ["--after", str(path)]
    return [sys.executable, "-m", "sandbox.keep", *options, "--", *argv]


def main() -> int:
    parser = argparse.ArgumentParser(prog="sandbox.keep", description=__doc__)
    parser.add_argument("--pid-file", required=True)
    parser.add_argument("--owner", type=int, default=0, help="end when this process is gone")
    parser.add_argument("--user", default="", help="become this user first")
    parser.add_argument("--restart", action="store_true", help="start it again whenever it dies")
    parser.add_argument("--stop-signal", default="TERM", help="how to ask it to stop")
    parser.add_argument("--grace", type=float, default=15.0, help="seconds until it is killed")
    parser.add_argument("--before", default="", help="wait until this file exists before the first start")
    parser.add_argument("--after", action="append", default=[], help="on a stop wait until this pid file is gone")
    parser.add_argument("command", nargs="+")
    return Keeper(parser.parse_args()).run()


if __name__ == "__main__":
    sys.exit(main())
