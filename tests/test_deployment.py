"""compose.yaml and Dockerfile cannot be run here; they are kept right by being read."""

import os
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).resolve().parent.parent
GIVEN = {
    "SECRET_KEY": "x",
    "FERNET_KEYS": "x",
    "ALLOWED_HOSTS": "skyvend.example",
    "SITE_URL": "https://skyvend.example",
    "POSTGRES_PASSWORD": "x",
    "REDIS_PASSWORD": "x",
}


@pytest.fixture(scope="module")
def compose() -> dict[str, Any]:
    text = (ROOT / "compose.yaml").read_text()
    read: dict[str, Any] = yaml.safe_load(text)
    return read


def test_every_part_is_a_service_with_a_health_check(compose: dict[str, Any]) -> None:
    services = compose["services"]
    assert set(services) == {"postgres", "redis", "migrate", "web", "worker", "scheduler", "proxy"}
    assert [name for name, service in services.items() if "healthcheck" not in service] == ["migrate"]


def test_secrets_have_no_default_and_say_what_is_missing() -> None:
    text = (ROOT / "compose.yaml").read_text()
    for name in GIVEN:
        assert re.findall(rf"\$\{{{name}[^}}]*\}}", text) == re.findall(rf"\$\{{{name}:\?[^}}]+\}}", text) != []


def test_only_the_proxy_is_reachable_from_outside(compose: dict[str, Any]) -> None:
    assert [name for name, service in compose["services"].items() if "ports" in service] == ["proxy"]
    assert [name for name, service in compose["services"].items() if "outside" not in service["networks"]] == [
        "postgres",
        "redis",
        "migrate",
        "scheduler",
    ]


def test_ours_run_unprivileged_from_one_image(compose: dict[str, Any]) -> None:
    for name in ("migrate", "web", "worker", "scheduler"):
        service = compose["services"][name]
        assert (service["image"], service["cap_drop"], service["read_only"]) == ("skyvend", ["ALL"], True)
        assert "no-new-privileges:true" in service["security_opt"]
    assert "\nUSER skyvend\n" in (ROOT / "Dockerfile").read_text()


def test_commands_are_those_of_the_trial(compose: dict[str, Any]) -> None:
    up = (ROOT / "sandbox" / "up.py").read_text()
    assert compose["services"]["worker"]["command"][2:] == ["worker"]
    assert compose["services"]["scheduler"]["command"][2:] == ["crontab", "--no-heartbeat"]
    assert '[*manage, "worker"]' in up
    assert '[*manage, "crontab", "--no-heartbeat"]' in up
    assert "config.asgi:application" in (ROOT / "Dockerfile").read_text()


def test_what_the_dockerfile_copies_exists() -> None:
    copied = re.findall(r"^COPY (?!--from)(.+) \S+$", (ROOT / "Dockerfile").read_text(), re.MULTILINE)
    assert [name for line in copied for name in line.split() if not (ROOT / name).exists()] == []


def test_docker_compose_accepts_the_file() -> None:
    docker = shutil.which("docker")
    if docker is None or subprocess.run([docker, "compose", "version"], capture_output=True, check=False).returncode:
        pytest.skip("docker compose is not installed here")
    asked = subprocess.run(
        [docker, "compose", "config", "--quiet"],
        cwd=ROOT,
        env={**os.environ, **GIVEN},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (asked.returncode, asked.stderr) == (0, "")
