"""What a hostile module finds when it looks around. It runs real commands through Terraform's local-exec."""

import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from accounts.models import Organization
from provisioning import execution
from provisioning.execution import claim_next
from provisioning.models import RunEvent, RunStatus
from provisioning.terraform import isolation
from provisioning.terraform.isolation import Isolation, IsolationUnavailable, Limits
from tests.provisioning.engine import make_account, make_resource, make_run, make_version, make_worker, modules, running

__all__ = ["modules"]
ROOT = Path(__file__).resolve().parents[3]


@pytest.fixture
def attack(modules: Path, transactional_db: None) -> Any:
    """Order a module that runs ``command`` and return what it printed."""
    organization = Organization.objects.create(name="Mallory", slug="mallory")
    account = make_account(organization)
    worker = make_worker()

    def run(command: str) -> str:
        resource = make_resource(make_version(modules, running(command)), account)
        ordered = make_run(resource)
        claimed = claim_next(worker.row.pk)
        assert claimed == ordered
        execution.execute(claimed, worker)
        ordered.refresh_from_db()
        assert ordered.status == RunStatus.SUCCEEDED, ordered.error
        said = RunEvent.objects.filter(run=ordered, kind="log").order_by("seq").values_list("message", flat=True)
        said = list(said)
        assert said[0].startswith(("Terraform", "OpenTofu"))
        heard = [line.partition("(local-exec): ")[2] for line in said if "(local-exec): " in line]
        return "\n".join(line for line in heard if not line.startswith("Executing: "))

    return run


def test_it_cannot_read_our_code_settings_or_data(attack: Any) -> None:
    targets = [ROOT / "manage.py", ROOT / "config" / "settings.py", os.environ["DATA"]]

    said = attack("; ".join(f"test -e {target} && ls {target}/runs 2>&1 || echo absent" for target in targets[:2]))

    assert said.count("absent") == 2


def test_it_sees_only_its_own_workspace(attack: Any) -> None:
    other = execution.toolchain.runner().root / "runs" / "somebody-elses" / "work"
    other.mkdir(parents=True, exist_ok=True)
    (other / "terraform.tfstate").write_text("their-secret-state")

    said = attack(
        f"cat {other}/terraform.tfstate 2>/dev/null || echo absent; ls {other.parents[1]} | wc -l | tr -d ' '"
    )

    assert "their-secret-state" not in said
    assert "absent" in said
    assert said.splitlines()[-1] == "1"


def test_its_environment_has_the_accounts_keys_and_nothing_of_the_platform(
    attack: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FERNET_KEYS", "planted-fernet-key")

    said = attack("env; cat /proc/*/environ 2>/dev/null | tr '\\0' ' '")

    for name in ("FERNET_KEYS", "SECRET_KEY", "DATABASE_URL", "REDIS_URL", "DJANGO_SETTINGS_MODULE", "planted-fernet"):
        assert name not in said.replace("AWS_SECRET_ACCESS_KEY", "")


def test_it_sees_no_process_but_its_own(attack: Any) -> None:
    said = attack("for each in /proc/[0-9]*; do tr '\\0' ' ' < $each/cmdline; echo; done")

    assert "python" not in said
    assert "postgres" not in said


def test_it_cannot_read_the_workers_memory(attack: Any) -> None:
    said = attack(f"cat /proc/{os.getpid()}/mem 2>&1 | head -c 100; cat /proc/{os.getppid()}/maps 2>&1 | head -c 100")

    assert "No such file" in said or "denied" in said or "Input/output" in said
    assert "python" not in said


def test_it_finds_no_socket_file_of_a_server(attack: Any, tmp_path: Path) -> None:
    with _listening(tmp_path / "s.sock"):
        said = attack(f"test -e {tmp_path}/s.sock && echo found || echo absent; find / -type s 2>/dev/null | wc -l")

    assert "absent" in said
    assert said.splitlines()[-1] == "0"


def test_redis_does_not_let_it_in_without_a_password(attack: Any) -> None:
    server = urlsplit(os.environ["REDIS_URL"])
    assert server.password

    assert "NOAUTH" in attack(_say_to(server.hostname, server.port, b"PING\r\n"))


def test_the_database_asks_it_for_a_password(attack: Any) -> None:
    server = urlsplit(os.environ["DATABASE_URL"])
    assert server.password
    body = (196_608).to_bytes(4, "big") + f"user\0{server.username}\0database\0postgres\0\0".encode()
    hello = (len(body) + 4).to_bytes(4, "big") + body  # protocol 3.0's startup message

    said = attack(_say_to(server.hostname, server.port, hello))

    assert "SCRAM-SHA-256" in said  # an authentication request; "trust" would answer with a session


def _say_to(host: str | None, port: int | None, message: bytes) -> str:
    connect = f"s = socket.create_connection(({host!r}, {port}), 5)"
    return f"python3 -c \"import socket; {connect}; s.sendall(bytes.fromhex('{message.hex()}')); print(s.recv(200))\""


def test_it_cannot_write_outside_its_workspace(attack: Any) -> None:
    said = attack(
        "touch /usr/planted 2>&1 || echo refused; touch ../planted 2>&1 || echo refused; touch mine && echo made"
    )

    assert not Path("/usr/planted").exists()
    assert "Read-only file system" in said
    assert "made" in said
    assert not list((execution.toolchain.runner().root / "runs").glob("*/planted"))


def test_it_cannot_change_the_provider_mirror_or_the_engine(attack: Any) -> None:
    tools = execution.toolchain.runner().toolchain
    targets = [str(path) for path in (tools.binary, tools.mirror) if path is not None]

    said = attack("; ".join(f"test -w {target} && echo writable || echo fixed" for target in targets))

    assert "writable" not in said


def test_it_has_no_privileges_and_cannot_get_any(attack: Any) -> None:
    said = attack("grep -E 'CapEff|NoNewPrivs' /proc/self/status; unshare -U true 2>&1 || echo refused")

    assert "CapEff:\t0000000000000000" in said
    assert "NoNewPrivs:\t1" in said
    assert "refused" in said


def test_nobody_is_root_on_the_outside(attack: Any) -> None:
    said = attack("touch made; sleep 0")

    assert said is not None
    wall = execution.toolchain.runner().isolation
    assert (wall.user is not None) == (os.geteuid() == 0)
    assert wall.user is None or wall.user.uid != 0


def test_another_accounts_credentials_are_out_of_reach(attack: Any, modules: Path) -> None:
    rich = Organization.objects.create(name="Rich", slug="rich")
    keys = {"access_key_id": "AKIARICHRICHRICH0000", "secret_access_key": "rich/rich/rich/rich/rich/rich/rich/rich0"}
    make_account(rich, credentials=keys)

    said = attack("env; grep -r 'AKIA[R]ICH' /proc/[0-9]*/environ . 2>/dev/null; echo looked")

    assert "looked" in said
    assert "AKIARICH" not in said


# --- without a run ----------------------------------------------------------------------------------------------


def test_the_probe_is_silent_where_isolation_works() -> None:
    assert isolation.probe() == ""


def test_the_probe_says_in_one_line_what_to_do_where_it_does_not(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    broken = tmp_path / "bwrap"
    broken.write_text("#!/bin/sh\necho 'setting up uid map: Permission denied' >&2\nexit 1\n")
    broken.chmod(0o755)
    monkeypatch.setattr(isolation.shutil, "which", lambda name: str(broken))
    monkeypatch.setattr(isolation, "runner_user", lambda name: None)

    said = isolation.probe()

    assert "setting up uid map: Permission denied" in said
    assert "RUNNER_ISOLATION=none" in said
    assert "\n" not in said


def test_a_machine_without_bubblewrap_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(isolation.shutil, "which", lambda name: None)
    monkeypatch.setattr(isolation, "bwrap_path", None)

    with pytest.raises(IsolationUnavailable, match="bubblewrap is not installed"):
        isolation.detect("bubblewrap", "nobody")


def test_an_unknown_runner_user_is_refused_by_root(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(isolation.os, "geteuid", lambda: 0)

    with pytest.raises(IsolationUnavailable, match="no-such-user-here"):
        isolation.runner_user("no-such-user-here")


def test_no_wall_means_only_limits() -> None:
    command = Isolation(bwrap=None, user=None).command(["engine"], workspace=Path("w"), readable=[], limits=Limits())

    assert command[0] == "/bin/sh"
    assert command[-1] == "engine"


def test_our_folders_are_covered_where_they_lie_inside_a_system_folder() -> None:
    ours = Path("/usr/src/app")
    wall = Isolation(bwrap=Path("bwrap"), user=None, hidden=(ours, Path("/srv/app")))

    command = wall.command(["engine"], workspace=ours / "var/work", readable=[ours / "var/mirror"], limits=Limits())

    covered = command.index("--tmpfs", command.index("/tmp") + 1)
    assert command[covered + 1] == str(ours)
    assert command.index(str(ours / "var/mirror")) > covered
    assert command.index(str(ours / "var/work")) > covered
    assert "/srv/app" not in command


@contextmanager
def _listening(path: Path) -> Iterator[None]:
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(path))
        server.listen()
        yield
