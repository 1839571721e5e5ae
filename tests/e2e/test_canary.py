"""A planted secret is looked for everywhere after it was used: it must be nowhere but in ciphertext."""

import stat
import subprocess
from pathlib import Path

import psutil

from tests.e2e.stack import Stack

ENDED = {"succeeded", "failed", "canceled", "lost"}
KEPT_FOR_WHOEVER_STARTED_IT = {"demo.json", "demo.seed", "secrets.env"}
PATHS = [
    "/cloud-accounts",
    "/resources",
    "/runs",
    "/offerings",
    "/audit",
    "/tokens",
    "/billing/ledger",
    "/me",
]


def command_lines() -> str:
    lines: list[str] = []
    for process in psutil.process_iter(["cmdline"]):
        lines += process.info["cmdline"] or []
    return "\n".join(lines)


def test_the_cloud_secret_appears_in_no_argument_response_log_line_table_or_file(stack: Stack) -> None:
    secret = stack.demo["sandbox"]["aws"]["secret_key"]
    assert len(secret) >= 20
    with stack.api() as api:
        ordered = stack.order(api, "canary", "aws/bucket", region="us-east-1")
        run_path = f"/runs/{ordered['run']['id']}"
        while api.get(run_path).json()["status"] not in ENDED:
            assert secret not in command_lines()
        bodies = [api.get(path).text for path in PATHS]
        bodies += [api.get(f"{run_path}/events", params={"limit": 1000}).text, api.get(run_path).text]
        bodies += [api.get(f"/resources/{ordered['id']}{part}").text for part in ("", "/outputs")]
        assert [body for body in bodies if secret in body] == []
        stack.wait_for_run(api, api.delete(f"/resources/{ordered['id']}").json()["run"]["id"])
    assert secret not in stack.log.read_text(errors="replace")
    assert secret not in dumped_tables(stack)
    assert files_holding(secret.encode(), stack.data) == []
    for name in KEPT_FOR_WHOEVER_STARTED_IT:
        assert stat.S_IMODE((stack.data / name).stat().st_mode) == 0o600


def dumped_tables(stack: Stack) -> str:
    """Every table as text, the way a backup would hold it; proves that a table we expect is in it."""
    environment = dict(
        line.split("=", 1) for line in (stack.data / "secrets.env").read_text().splitlines() if "=" in line
    )
    process = psutil.Process(stack.demo["pids"]["web"])
    url = process.environ().get("DATABASE_URL") or environment["DATABASE_URL"]
    pg_dump = Path(psutil.Process(stack.demo["pids"]["postgres"]).exe()).with_name("pg_dump")
    dump = subprocess.run([pg_dump, "--data-only", url], capture_output=True, text=True, check=True).stdout
    assert "COPY public.clouds_cloudaccount" in dump
    return dump


def files_holding(needle: bytes, folder: Path) -> list[str]:
    return [
        str(path.relative_to(folder))
        for path in folder.rglob("*")
        if path.is_file() and not path.is_symlink() and path.name not in KEPT_FOR_WHOEVER_STARTED_IT
        if path.stat().st_size < 200_000_000 and needle in path.read_bytes()
    ]
