"""What `make up` says when it cannot start: one line, what to do, no traceback. The rest is tests/e2e."""

import json
import os
import socket
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from sandbox import servers, trial

ROOT = Path(__file__).resolve().parents[2]


def up(data: Path, **environment: str) -> tuple[int, str]:
    """(exit code, standard error) of a start that must fail."""
    clean = {name: value for name, value in os.environ.items() if name not in {"DATABASE_URL", "REDIS_URL", "DEBUG"}}
    clean |= {"DATA": str(data), "PORT": str(servers.free_port()), **environment}
    ended = subprocess.run(
        [sys.executable, "-m", "sandbox.up"],
        cwd=ROOT,
        env=clean,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    return ended.returncode, ended.stderr


def test_a_busy_port_is_named_with_the_way_out(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        said = up(tmp_path, PORT=str(port))
    assert said == (
        1,
        f"make up: Port {port} is taken: stop what uses it, or choose another with make up PORT={port + 1}.\n",
    )


def test_a_port_that_is_none_is_named(tmp_path: Path) -> None:
    assert up(tmp_path, PORT="web") == (
        1,
        "make up: PORT=web is not a port: choose a number such as make up PORT=8001.\n",
    )


@pytest.mark.parametrize("days", ["long", "3"])
def test_a_history_that_cannot_be_is_named(tmp_path: Path, days: str) -> None:
    code, said = up(tmp_path, HISTORY_DAYS=days)
    assert (code, said.count("\n")) == (1, 1)
    assert said.startswith(f"make up: HISTORY_DAYS={days} is not")


def test_data_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    code, said = up(tmp_path / "file" / "data")
    assert (code, said.count("\n")) == (1, 1)
    assert said.endswith("choose another with make up DATA=folder.\n")


def test_a_database_that_does_not_answer_is_named_without_its_password(tmp_path: Path) -> None:
    code, said = up(tmp_path, DATABASE_URL="postgres://me:planted-secret@127.0.0.1:1/skyvend")
    assert (code, said.count("\n"), "planted-secret" in said) == (1, 1, False)
    assert said.startswith("make up: DATABASE_URL does not work (")


def test_a_redis_that_does_not_answer_is_named(tmp_path: Path) -> None:
    code, said = up(tmp_path, REDIS_URL="redis://:planted-secret@127.0.0.1:1/0")
    assert (code, said.count("\n"), "planted-secret" in said) == (1, 1, False)
    assert said.startswith("make up: REDIS_URL does not work (")


def test_no_engine_and_no_network_is_one_line(tmp_path: Path) -> None:
    code, said = up(tmp_path, PATH="/nowhere", ENGINE_RELEASES="http://127.0.0.1:1")
    assert code == 1
    assert said.splitlines()[-1].startswith("make up: No engine found, and OpenTofu could not be downloaded")
    assert "Traceback" not in said


def test_a_mirror_without_the_providers_is_named(tmp_path: Path) -> None:
    code, said = up(tmp_path, TERRAFORM_PLUGIN_MIRROR=str(tmp_path))
    assert code == 1
    assert "does not hold hashicorp/aws" in said


def test_the_same_data_is_not_used_twice_at_once(tmp_path: Path) -> None:
    with trial.prepare_data(trial.Trial(tmp_path, 8000)):
        assert up(tmp_path) == (
            1,
            f"make up: Another make up is running with {tmp_path}: stop it, or choose another DATA.\n",
        )


def test_secrets_are_made_once_and_kept_from_others(tmp_path: Path) -> None:
    place = trial.Trial(tmp_path, 8000)
    first = trial.keep_secrets(place)
    assert trial.keep_secrets(place) == first
    assert len(set(first.values())) == len(trial.GENERATED)
    assert stat.S_IMODE((tmp_path / "secrets.env").stat().st_mode) == 0o600


def test_private_files_are_replaced_whole(tmp_path: Path) -> None:
    trial.write_private(tmp_path / "demo.json", json.dumps({"url": "a"}))
    trial.write_private(tmp_path / "demo.json", json.dumps({"url": "b"}))
    assert json.loads((tmp_path / "demo.json").read_text()) == {"url": "b"}
    assert [path.name for path in tmp_path.iterdir()] == ["demo.json"]


def test_where_runs_cannot_be_isolated_the_trial_says_so_and_goes_on(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv("RUNNER_ISOLATION", raising=False)
    monkeypatch.setattr(trial.isolation, "probe", lambda user: "user namespaces are forbidden here.")
    assert trial.choose_isolation() == "none"
    assert "Runs are NOT isolated on this machine: user namespaces are forbidden here." in capsys.readouterr().out
