"""Folders that runs work in.

``prepared/<key>/`` holds a module after ``init``, made once per module content, engine and mirror. A run gets a copy
of it (links to the mirror stay links), so no run pays for ``init``. Layout of a runner's folder::

    prepared/<key>/        module files, .terraform/, .terraform.lock.hcl
    runs/<run id>/         ours: engine.tfrc, not writable by the run
    runs/<run id>/work/    the run's: module files, tfvars, overrides, state
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import shutil
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from . import reach
from .isolation import Isolation, Limits
from .toolchain import Toolchain, locked_providers

STATE = "terraform.tfstate"
VARIABLES = "terraform.tfvars.json"
LOCK_FILE = ".terraform.lock.hcl"
_NOT_OF_A_RUN = shutil.ignore_patterns("tests", "README*", "offering.toml", ".terraform", "*.tfstate*", "*.tftest.hcl")


class PreparationFailed(Exception):
    """``init`` failed. The message is the engine's own."""


@dataclass(frozen=True, slots=True)
class Workspace:
    """One run's private folder. ``path`` is what the run may write; ``home`` above it is ours."""

    home: Path

    @property
    def path(self) -> Path:
        return self.home / "work"

    @property
    def cli_config(self) -> Path:
        return self.home / "engine.tfrc"

    @property
    def run_id(self) -> str:
        return self.home.name

    def read_state(self) -> str | None:
        """The state as the engine left it, else its backup's, else None. A torn file is as good as none."""
        for name in (STATE, f"{STATE}.backup"):
            text = _read_regular(self.path / name)
            if text and _is_state(text):
                return text
        return None

    def remove(self) -> None:
        shutil.rmtree(self.home, ignore_errors=True)


@dataclass(frozen=True, slots=True)
class Runner:
    """What it takes to start the engine on this machine: where, with what, behind which wall."""

    root: Path
    toolchain: Toolchain
    isolation: Isolation

    def workspaces(self) -> list[Workspace]:
        """Every run's folder that is still on this machine."""
        folder = self.root / "runs"
        return [Workspace(home) for home in sorted(folder.iterdir())] if folder.is_dir() else []

    def readable(self, workspace: Workspace) -> list[Path]:
        return [*self.toolchain.readable(), workspace.cli_config]


def prepare(runner: Runner, module: Path, content_hash: str) -> Path:
    """The prepared folder of ``module``: made under a lock on first use and renamed into place when complete.

    Raises :class:`PreparationFailed` with what ``init`` said. ``init`` gets no network: providers come from the
    mirror, whose checksums it records and compares with the module's own lock file when it has one.
    """
    key = hashlib.sha256(f"{content_hash}\0{runner.toolchain.fingerprint}".encode()).hexdigest()[:32]
    prepared = reach.open_folder(runner.root / "prepared") / key
    if prepared.is_dir():
        return prepared
    with _locked(prepared.with_suffix(".lock")):
        if not prepared.is_dir():
            _initialise(runner, module, prepared)
    return prepared


def create(runner: Runner, prepared: Path, run_id: str) -> Workspace:
    """A fresh copy of ``prepared`` for one run, with an engine configuration that starts providers from the mirror.

    ``dev_overrides`` let the engine start the provider without hashing its 700 MB at every start; the checksums were
    compared when the module was prepared, and a changed file in the mirror makes a new preparation.
    """
    runs = reach.open_folder(runner.root / "runs")
    workspace = Workspace(runs / run_id)
    workspace.remove()
    workspace.home.mkdir(mode=0o755)
    shutil.copytree(prepared, workspace.path, symlinks=True)
    workspace.path.chmod(0o700)
    workspace.cli_config.write_text(_cli_config(runner.toolchain, _overrides(runner.toolchain, prepared)))
    return workspace


def write_inputs(workspace: Workspace, variables: Mapping[str, Any], files: Mapping[str, str]) -> None:
    """Put the module's variables and the provider's own files (such as an override) into the workspace."""
    write_private(workspace.path / VARIABLES, json.dumps(variables))
    for name, text in files.items():
        if Path(name).name != name:
            raise ValueError(f"{name!r} is no plain file name")
        write_private(workspace.path / name, text)


def write_state(workspace: Workspace, body: str) -> None:
    write_private(workspace.path / STATE, body)


def write_private(path: Path, text: str) -> None:
    """Write a file that only its owner may read from the first byte on."""
    path.unlink(missing_ok=True)
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.write(text)


def hand_over(workspace: Workspace, isolation: Isolation) -> None:
    """Give the workspace to the runner's user, when there is one."""
    if isolation.user is not None:
        _chown(workspace.path, isolation.user.uid, isolation.user.gid)


def _initialise(runner: Runner, module: Path, prepared: Path) -> None:
    scratch = Workspace(reach.open_folder(prepared.with_name(f".{prepared.name}.{os.getpid()}")))
    try:
        shutil.copytree(module, scratch.path, ignore=_NOT_OF_A_RUN)
        scratch.cli_config.write_text(_cli_config(runner.toolchain, {}))
        hand_over(scratch, runner.isolation)
        _init(runner, scratch)
        scratch.path.rename(prepared)
        _chown(prepared, os.geteuid(), os.getegid())
    finally:
        scratch.remove()


def _init(runner: Runner, scratch: Workspace) -> None:
    argv = [str(runner.toolchain.binary), "init", "-input=false", "-no-color"]
    isolation = runner.isolation
    command = isolation.command(
        argv, workspace=scratch.path, readable=runner.readable(scratch), limits=Limits(), has_network=False
    )
    drop = isolation.user.popen_arguments() if isolation.user else {}
    environment = engine_environment(scratch)
    done = subprocess.run(  # type: ignore[call-overload]
        command, cwd=scratch.path, env=environment, capture_output=True, text=True, timeout=600, check=False, **drop
    )
    if done.returncode != 0:
        raise PreparationFailed((done.stderr or done.stdout).strip()[-4000:])


def engine_environment(workspace: Workspace) -> dict[str, str]:
    """All of the environment a run starts with, built from nothing: none of the worker's own reaches it."""
    return {
        "PATH": "/usr/local/bin:/usr/bin:/bin",
        "HOME": str(workspace.path),
        "TMPDIR": "/tmp",  # noqa: S108 - private behind the wall
        "LANG": "C.UTF-8",
        "TF_IN_AUTOMATION": "1",
        "TF_INPUT": "0",
        "TF_CLI_CONFIG_FILE": str(workspace.cli_config),
        "CHECKPOINT_DISABLE": "1",
        "AWS_EC2_METADATA_DISABLED": "true",
        "GOGC": "400",  # fewer collections: about a third less CPU for 0.7 GB; measured in docs/decisions
    }


def _cli_config(toolchain: Toolchain, overrides: Mapping[str, Path]) -> str:
    mirror = (
        f"  filesystem_mirror {{\n    path = {json.dumps(str(toolchain.mirror))}\n  }}\n" if toolchain.mirror else ""
    )
    lines = "".join(f"    {json.dumps(name)} = {json.dumps(str(path))}\n" for name, path in overrides.items())
    developed = f"  dev_overrides {{\n{lines}  }}\n" if overrides else ""
    return f"disable_checkpoint = true\nprovider_installation {{\n{developed}{mirror}}}\n"


def _overrides(toolchain: Toolchain, prepared: Path) -> dict[str, Path]:
    if toolchain.mirror is None:
        return {}
    found = {}
    for name, version in locked_providers(prepared / LOCK_FILE).items():
        platforms = list((prepared / ".terraform" / "providers" / name / version).glob("*"))
        if len(platforms) == 1:
            found[name] = platforms[0].resolve()
    return found


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    with path.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _chown(folder: Path, uid: int, gid: int) -> None:
    for path in [folder, *folder.rglob("*")]:
        os.chown(path, uid, gid, follow_symlinks=False)


def _read_regular(path: Path) -> str | None:
    """The text of a file the run may have made: never through a link it planted, never endless."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    except OSError:
        return None
    with os.fdopen(descriptor, "rb") as file:
        return file.read(256 * 1024 * 1024).decode(errors="replace")


def _is_state(text: str) -> bool:
    try:
        body = json.loads(text)
    except (ValueError, RecursionError):
        return False
    return isinstance(body, dict) and isinstance(body.get("serial"), int) and isinstance(body.get("resources"), list)
