"""The engine here is a shell: what a process may do does not depend on which program it is."""

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest

from provisioning.terraform import isolation, process, reach, workspace
from provisioning.terraform.isolation import Limits
from provisioning.terraform.process import Ended, Watch
from provisioning.terraform.toolchain import Toolchain
from provisioning.terraform.workspace import Runner, Workspace


@pytest.fixture
def runner() -> Runner:
    return make_runner("bubblewrap")


def make_runner(mode: str) -> Runner:
    root = reach.open_folder(Path(os.environ["DATA"]) / "runner-of-tests")
    wall = isolation.detect(mode, "nobody", copies=root / "bin")
    return Runner(root=root, toolchain=Toolchain(Path("/bin/sh"), "shell"), isolation=wall)


def folder(runner: Runner, name: str) -> Workspace:
    made = Workspace(reach.open_folder(runner.root / "runs" / name))
    reach.open_folder(made.path)
    made.cli_config.write_text("")
    workspace.hand_over(made, runner.isolation)
    return made


def run(
    runner: Runner, script: str, *, name: str = "one", limits: Limits | None = None, **watch: object
) -> tuple[Ended, list[str]]:
    lines: list[str] = []
    place = folder(runner, name)
    ended = process.run(
        runner,
        place,
        ["-c", script],
        environment=workspace.engine_environment(place),
        limits=limits or Limits(),
        watch=Watch(on_line=lambda line: lines.append(line.rstrip("\n")), **{"grace": 10.0, **watch}),  # type: ignore[arg-type]
    )
    return ended, lines


def test_lines_arrive_in_order_and_the_exit_code_is_kept(runner: Runner) -> None:
    ended, lines = run(runner, "echo one; echo two; echo bad >&2; exit 3")

    assert lines == ["one", "two"]
    assert (ended.returncode, ended.stderr, ended.is_success, ended.is_canceled) == (3, "bad\n", False, False)


def test_lines_arrive_while_the_process_runs(runner: Runner) -> None:
    place = folder(runner, "live")
    lines: list[str] = []

    def answer(line: str) -> None:
        lines.append(line)
        (place.path / "answer").touch()

    process.run(
        runner,
        place,
        ["-c", "echo early; while [ ! -e answer ]; do sleep 0.05; done; echo late"],
        environment=workspace.engine_environment(place),
        limits=Limits(wall_seconds=30),
        watch=Watch(on_line=answer),
    )

    assert lines == ["early\n", "late\n"]


def test_a_canceled_process_gets_one_interrupt_and_may_end_by_itself(runner: Runner) -> None:
    script = "trap 'echo interrupted; exit 1' INT; echo ready; while true; do sleep 0.1; done"

    ended, lines = run(runner, script, is_canceled=lambda: True)

    assert lines == ["ready", "interrupted"]
    assert (ended.returncode, ended.is_canceled) == (1, True)


def test_a_process_that_ignores_the_interrupt_is_killed_after_the_grace(runner: Runner) -> None:
    ended, lines = run(
        runner, "trap '' INT; echo ready; while true; do sleep 0.1; done", is_canceled=lambda: True, grace=1.0
    )

    assert lines == ["ready"]
    assert ended.is_canceled
    assert ended.returncode != 0


def test_a_process_that_takes_too_long_is_stopped_and_says_so(runner: Runner) -> None:
    script = "trap 'exit 1' INT; echo ready; while true; do sleep 0.1; done"

    ended, _ = run(runner, script, limits=Limits(wall_seconds=1))

    assert (ended.killed_for, ended.is_success, ended.is_canceled) == ("time", False, False)


def test_a_process_that_takes_too_much_memory_is_killed(runner: Runner) -> None:
    script = "echo ready; python3 -c 'import time; kept = bytearray(400_000_000); time.sleep(60)'"

    ended, _ = run(runner, script, limits=Limits(memory_mb=200))

    assert (ended.killed_for, ended.is_success) == ("memory", False)


def test_a_process_that_fills_the_disk_is_killed(runner: Runner) -> None:
    script = "for n in 1 2 3 4; do dd if=/dev/zero of=big$n bs=1M count=20 2>/dev/null; done; sleep 60"

    ended, _ = run(runner, script, limits=Limits(workspace_mb=50))

    assert ended.killed_for == "disk"


def test_a_single_file_cannot_grow_beyond_its_limit(runner: Runner) -> None:
    ended, _ = run(runner, "dd if=/dev/zero of=big bs=1M count=20", limits=Limits(file_mb=5))

    assert not ended.is_success
    assert (folder(runner, "one").path / "big").stat().st_size == 5 * 1024 * 1024


def test_no_core_file_can_be_written(runner: Runner) -> None:
    _, lines = run(runner, "ulimit -c; ulimit -n")

    assert lines == ["0", str(Limits().open_files)]


def test_an_endless_line_is_cut_and_not_kept_whole_in_memory(runner: Runner) -> None:
    _, lines = run(runner, "head -c 3000000 /dev/zero | tr '\\0' x; echo")

    assert max(len(line) for line in lines) == process.LINE_BYTES
    assert sum(len(line) for line in lines) == 3_000_000


def test_an_error_in_the_owner_ends_the_process_first(runner: Runner) -> None:
    def fail(line: str) -> None:
        raise RuntimeError("the owner broke")

    with pytest.raises(RuntimeError):
        _run_failing(runner, fail)

    assert not _running("sleep", "4321")


def _run_failing(runner: Runner, fail: Callable[[str], None]) -> None:
    place = folder(runner, "failing")
    watch = Watch(on_line=fail, grace=1.0)
    environment = workspace.engine_environment(place)
    process.run(
        runner, place, ["-c", "echo ready; exec sleep 4321"], environment=environment, limits=Limits(), watch=watch
    )


def test_nothing_outlives_the_run_not_even_a_daemon(runner: Runner) -> None:
    ended, _ = run(runner, "setsid sh -c 'sleep 4322 & sleep 4322' >/dev/null 2>&1 & echo done")

    assert ended.is_success
    assert not _running("sleep", "4322")


def test_a_process_dies_with_the_worker(tmp_path: Path) -> None:
    """kill -9 of the process that started a run takes the run with it."""
    script = f"""
import os, sys
os.environ["DATA"] = {os.environ["DATA"]!r}
sys.path.insert(0, {str(Path(__file__).parents[3])!r})
from tests.provisioning.terraform.test_process import make_runner, run
run(make_runner("bubblewrap"), "echo ready; sleep 4323", name="orphan")
"""
    worker = subprocess.Popen([sys.executable, "-c", script])
    _wait_until(lambda: _running("sleep", "4323"))

    os.kill(worker.pid, signal.SIGKILL)
    worker.wait()

    _wait_until(lambda: not _running("sleep", "4323"))


def test_the_environment_holds_nothing_of_ours(runner: Runner, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PLANTED_SECRET", "planted-in-the-worker")

    _, lines = run(runner, "env; cat /proc/*/environ 2>/dev/null | tr '\\0' '\\n'")

    names = {line.split("=", 1)[0] for line in lines}
    assert names <= {*workspace.engine_environment(Workspace(Path())), "PWD", "OLDPWD", "SHLVL", "_"}


def test_without_a_wall_the_rest_still_holds() -> None:
    ended, lines = run(make_runner("none"), "echo hello; env | grep -c . ", name="open")

    assert ended.is_success
    assert lines[0] == "hello"


def test_a_process_without_a_wall_that_leaves_its_output_open_does_not_block() -> None:
    ended, lines = run(make_runner("none"), "echo hello; sleep 4324 & exit 0", name="open")

    assert (ended.returncode, lines) == (0, ["hello"])
    assert not _running("sleep", "4324")


def test_threads_of_the_worker_can_run_processes_side_by_side(runner: Runner) -> None:
    found: dict[str, list[str]] = {}

    def one(name: str) -> None:
        found[name] = run(runner, f"echo {name}; sleep 0.3; echo {name}", name=name)[1]

    threads = [threading.Thread(target=one, args=(name,)) for name in ("a", "b", "c")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)

    assert found == {name: [name, name] for name in ("a", "b", "c")}


def _running(*words: str) -> bool:
    for each in psutil.process_iter(["cmdline", "status"]):
        if each.info["cmdline"] == list(words) and each.info["status"] != psutil.STATUS_ZOMBIE:
            return True
    return False


def _wait_until(condition: Callable[[], bool], seconds: float = 30) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.1)
