"""schemathesis throws generated requests at the live API: whatever comes, no answer is a 5xx."""

import secrets
import subprocess
import sys
from pathlib import Path

import httpx

from tests.e2e.stack import Stack


def new_tenant(stack: Stack) -> str:
    """Register an organization of its own for the fuzzer and return a token of its owner."""
    base = f"{stack.url}/api/v1"
    name = secrets.token_hex(4)
    account = {"email": f"{name}@example.com", "password": secrets.token_urlsafe(16)}
    with httpx.Client(trust_env=False, timeout=60) as client:
        registered = client.post(f"{base}/auth/register", json={**account, "organization": f"Fuzz {name}"})
        assert registered.status_code == 201, registered.text
        access = client.post(f"{base}/auth/login", json=account).json()["access"]
        issued = client.post(
            f"{base}/tokens", json={"name": "fuzz", "role": "owner"}, headers={"Authorization": f"Bearer {access}"}
        )
        assert issued.status_code == 201, issued.text
        body = issued.json()
        return str(body.get("token") or body["secret"])


def test_generated_requests_never_get_a_server_error(stack: Stack, tmp_path: Path) -> None:
    command = [
        *[str(Path(sys.executable).with_name("schemathesis")), "run", f"{stack.url}/api/v1/schema"],
        *["--header", f"Authorization: Token {new_tenant(stack)}"],
        *["--checks", "not_a_server_error", "--max-examples", "15", "--seed", "1", "--workers", "2"],
        *["--exclude-path-regex", "/auth/", "--generation-database", "none", "--request-timeout", "60"],
    ]
    done = subprocess.run(command, check=False, capture_output=True, text=True, cwd=tmp_path)
    assert done.returncode == 0, done.stdout[-6000:] + done.stderr[-2000:]
