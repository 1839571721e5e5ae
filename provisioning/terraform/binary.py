"""Which engine runs: Terraform or OpenTofu, 1.6 or newer; fetched and checked where the machine has none."""

from __future__ import annotations

import fcntl
import hashlib
import os
import platform
import re
import shutil
import subprocess
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx
from tqdm import tqdm

MINIMUM = (1, 6)  # the first with everything we read from -json, and the first OpenTofu
RELEASES = "https://github.com/opentofu/opentofu/releases/download"
RELEASE = "1.8.5"
# SHA-256 of the official zips, from a public package index. Another version needs its digests here first.
DIGESTS = {
    "linux_amd64": "e2951ba6be8ae9427aabbd5c6f243855e8b526cb2ae6bc33a05dae22d7e82632",
    "darwin_amd64": "cb6d1b949691e50bed6c9cc17aefc999cf27e52200521efa9f107ce3ee08260f",
    "darwin_arm64": "c77e545ab847c0d6acd322c010f457e1a30448476945c04074a48882c4b86dfe",
}
_SAID = re.compile(r"^(Terraform|OpenTofu) v(\d+)\.(\d+)\.(\S+)", re.MULTILINE)
_MACHINES = {"x86_64": "amd64", "amd64": "amd64", "aarch64": "arm64", "arm64": "arm64"}


class NoEngine(Exception):
    """No usable engine; the text says why and what to do."""


@dataclass(frozen=True, slots=True)
class Binary:
    """An engine that was asked for its version."""

    path: Path
    product: str  # "terraform" or "opentofu"
    version: str  # "1.11.4"

    @property
    def label(self) -> str:
        return f"{self.product} {self.version}"


def find(*, configured: str, data: Path, releases: str = RELEASES) -> Binary:
    """``configured``, else terraform, else tofu on PATH, else the official OpenTofu in ``data``/engine.

    Downloads the last one, with a progress bar, if it is not there yet. Raises :class:`NoEngine`.
    """
    if configured:
        chosen = shutil.which(configured)
        if chosen is None:
            raise NoEngine(f"TERRAFORM_BINARY={configured} is not a program. Correct it, or leave it empty.")
        return inspect(Path(chosen))
    on_path = shutil.which("terraform") or shutil.which("tofu")
    if on_path:
        return inspect(Path(on_path))
    return inspect(fetch(data / "engine", releases=releases))


def inspect(path: Path) -> Binary:
    """Ask ``path`` what it is. Raises :class:`NoEngine` for anything but Terraform or OpenTofu 1.6 or newer."""
    environment = {"PATH": os.defpath, "HOME": "/", "CHECKPOINT_DISABLE": "1", "TF_CLI_CONFIG_FILE": os.devnull}
    try:
        asked = subprocess.run(
            [str(path), "version"], env=environment, capture_output=True, text=True, timeout=60, check=False
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise NoEngine(f"{path} cannot be run: {error}") from error
    said = _SAID.search(asked.stdout)
    if said is None:
        raise NoEngine(f"{path} is neither Terraform nor OpenTofu: it did not tell its version.")
    product, major, minor, rest = said.groups()
    version = f"{major}.{minor}.{rest}"
    if (int(major), int(minor)) < MINIMUM:
        raise NoEngine(f"{path} is {product} {version}; {'.'.join(map(str, MINIMUM))} or newer is needed.")
    return Binary(path=path, product=product.lower(), version=version)


def fetch(directory: Path, *, releases: str = RELEASES, platform_name: str | None = None) -> Path:
    """The official OpenTofu for this machine in ``directory``, downloaded once. Raises :class:`NoEngine`."""
    system = platform_name or _platform_name()
    program = directory / f"opentofu-{RELEASE}-{system}" / "tofu"
    if program.exists():
        return program
    if system not in DIGESTS:
        raise NoEngine(f"No engine found, and no checked OpenTofu release for {system}. {_ADVICE}")
    with _alone(directory):
        if not program.exists():
            archive = _download(f"{releases}/v{RELEASE}/tofu_{RELEASE}_{system}.zip", directory, DIGESTS[system])
            _unpack(archive, program)
    return program


_ADVICE = "Install Terraform or OpenTofu (1.6 or newer), or set TERRAFORM_BINARY to one."


def _platform_name() -> str:
    machine = platform.machine().lower()
    return f"{platform.system().lower()}_{_MACHINES.get(machine, machine)}"


@contextmanager
def _alone(directory: Path) -> Iterator[None]:
    """Only one process at a time fetches into ``directory``."""
    directory.mkdir(parents=True, exist_ok=True)
    with (directory / ".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _download(url: str, directory: Path, digest: str) -> Path:
    """``url`` in ``directory``; refused and removed if its SHA-256 is not ``digest``."""
    target = directory / (url.rsplit("/", 1)[1] + ".partial")
    try:
        found = _stream(url, target)
    except httpx.HTTPError as error:
        target.unlink(missing_ok=True)
        raise NoEngine(
            f"No engine found, and OpenTofu could not be downloaded ({str(error) or type(error).__name__}). {_ADVICE}"
        ) from error
    if found != digest:
        target.unlink()
        raise NoEngine(f"{url} was refused: its SHA-256 is {found}, expected {digest}. {_ADVICE}")
    return target


def _stream(url: str, target: Path) -> str:
    """Write ``url`` to ``target`` and return its SHA-256. Raises httpx.HTTPError."""
    digest = hashlib.sha256()
    with httpx.stream("GET", url, follow_redirects=True, timeout=30) as answer, target.open("wb") as file:
        answer.raise_for_status()
        size = int(answer.headers.get("content-length", 0)) or None
        with tqdm(total=size, unit="B", unit_scale=True, desc=f"OpenTofu {RELEASE}") as bar:
            for chunk in answer.iter_bytes(1 << 16):
                file.write(chunk)
                digest.update(chunk)
                bar.update(len(chunk))
    return digest.hexdigest()


def _unpack(archive: Path, program: Path) -> None:
    """Put the archive's ``tofu`` at ``program``, whole or not at all."""
    program.parent.mkdir(exist_ok=True)
    partial = program.with_name("tofu.partial")
    try:
        with zipfile.ZipFile(archive) as contents, contents.open("tofu") as source, partial.open("wb") as target:
            shutil.copyfileobj(source, target)
    except (zipfile.BadZipFile, KeyError) as error:
        raise NoEngine(f"{archive.name} holds no tofu program: {error}") from error
    partial.chmod(0o755)
    partial.replace(program)
    archive.unlink()
