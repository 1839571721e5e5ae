"""The keeper of one process: up while its owner is, and nothing left afterwards."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest

from sandbox import keep

ROOT = Path(__file__).resolve().parents[2]
SLEEPER = "import time; time.sleep(600)"
FAMILY = (
    "import subprocess, sys, time, pathlib\n"
    "child = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(600)'], start_new_session=True)\n"
    "pathlib.Path(sys.argv[1]).write_text(str(child.pid))\n"
    "time.sleep(600)\n"
)
STUBBORN = (
    "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('deaf', flush=True); time.sleep(600)"
)


def wait_for(condition: Callable[[], Any], what: str) -> Any:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        if found := condition():
            return found
        time.sleep(0.05)
    raise AssertionError(f"gave up waiting for {what}")


class Kept:
    def __init__(self, folder: Path) -> None:
        self.pid_file = folder / "sleeper.pid"
        self.keeper: subprocess.Popen[str] | None = None

    def start(self, *argv: str, owner: int | None = None, **how: object) -> subprocess.Popen[str]:
        command = keep.command([sys.executable, "-c", *argv], pid_file=self.pid_file, owner=owner or os.getpid(), **how)
        self.keeper = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)
        return self.keeper

    def pid(self, other_than: int = 0) -> int:
        def read() -> int:
            text = self.pid_file.read_text().strip() if self.pid_file.exists() else ""
            return int(text) if text and int(text) != other_than else 0

        return wait_for(read, "a pid file")


@pytest.fixture
def kept(tmp_path: Path) -> Iterator[Kept]:
    kept = Kept(tmp_path)
    yield kept
    if kept.keeper and kept.keeper.poll() is None:
        kept.keeper.kill()
        kept.keeper.wait()


def test_a_killed_process_is_started_again_and_its_new_pid_is_written(kept: Kept) -> None:
    kept.start(SLEEPER, restart=True)
    first = kept.pid()
    os.kill(first, signal.SIGKILL)
    second = kept.pid(other_than=first)
    assert psutil.pid_exists(second)


def test_what_a_killed_process_leaves_behind_is_ended_too(kept: Kept, tmp_path: Path) -> None:
    kept.start(FAMILY, str(tmp_path / "grandchild"), restart=True)
    first = kept.pid()
    grandchild = int(wait_for(lambda: _text(tmp_path / "grandchild"), "the grandchild"))
    os.kill(first, signal.SIGKILL)
    kept.pid(other_than=first)
    wait_for(lambda: not psutil.pid_exists(grandchild), "the grandchild's end")


def test_a_stop_is_passed_on_and_removes_the_pid_file(kept: Kept) -> None:
    keeper = kept.start(SLEEPER, restart=True)
    child = kept.pid()
    keeper.terminate()
    assert keeper.wait(60) == 0
    assert (psutil.pid_exists(child), kept.pid_file.exists()) == (False, False)


def test_a_process_that_does_not_listen_is_killed_after_the_grace(kept: Kept) -> None:
    keeper = kept.start(STUBBORN, grace=0.5)
    child = kept.pid()
    assert keeper.stdout is not None
    assert keeper.stdout.readline() == "deaf\n"
    keeper.terminate()
    keeper.wait(60)
    assert not psutil.pid_exists(child)


def test_it_ends_with_its_owner_even_if_that_was_killed(kept: Kept) -> None:
    with subprocess.Popen([sys.executable, "-c", SLEEPER]) as owner:
        keeper = kept.start(SLEEPER, owner=owner.pid, restart=True)
        child = kept.pid()
        owner.kill()
        owner.wait()
    keeper.wait(60)
    assert not psutil.pid_exists(child)


@pytest.mark.skipif(sys.platform != "linux", reason="asks the Linux kernel")
def test_the_process_ends_with_a_killed_keeper(kept: Kept) -> None:
    keeper = kept.start(SLEEPER, restart=True)
    child = kept.pid()
    keeper.kill()
    keeper.wait()
    wait_for(lambda: not psutil.pid_exists(child), "the process's end")


def test_a_process_that_never_stays_up_is_given_up(kept: Kept, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(keep, "QUICK_DEATHS", 2)
    code = "import sys; from sandbox import keep; keep.QUICK_DEATHS = 2; sys.exit(keep.main())"
    command = keep.command(
        [sys.executable, "-c", "raise SystemExit(3)"], pid_file=kept.pid_file, owner=os.getpid(), restart=True
    )
    ended = subprocess.run(
        [sys.executable, "-c", code, *command[3:]], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert ended.returncode == 1
    assert ended.stdout.splitlines() == [
        "sleeper ended with status 3; starting it again in 1 s",
        "sleeper ended 2 times right after its start; giving up",
    ]


def test_without_restart_the_end_is_told(kept: Kept) -> None:
    assert kept.start("raise SystemExit(7)").wait(60) == 7


def test_it_waits_for_what_must_be_there_first(kept: Kept, tmp_path: Path) -> None:
    kept.start(SLEEPER, before=tmp_path / "migrated")
    time.sleep(0.5)
    assert not kept.pid_file.exists()
    (tmp_path / "migrated").touch()
    assert psutil.pid_exists(kept.pid())


def _text(path: Path) -> str:
    return path.read_text() if path.exists() else ""
