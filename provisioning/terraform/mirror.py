"""Where providers come from: a read-only folder laid out by registry host, found, or made once.

After that no run touches the network for providers. Layout: ``<host>/<namespace>/<type>/<version>/<os_arch>/``.
"""

from __future__ import annotations

import os
import platform
import re
import shutil
import subprocess
import time
import zipfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from tqdm import tqdm

from .binary import Binary

TERRAFORM_HOST, OPENTOFU_HOST = "registry.terraform.io", "registry.opentofu.org"
_PROVIDER = re.compile(r'source\s*=\s*"(?:[\w.-]+\.[a-z]+/)?([\w-]+/[\w-]+)"(?:\s*version\s*=\s*"([^"]*)")?')
_EXACT = re.compile(r"^=?\s*(\d+\.\d+\.\d+)$")
_CONFIGURED = re.compile(r'filesystem_mirror\s*\{[^}]*?path\s*=\s*"([^"]+)"', re.DOTALL)
_PACKED = re.compile(r"^terraform-provider-[\w-]+?_(\d[^_]*)_(\w+_\w+)\.zip$")
_MACHINES = {"x86_64": "amd64", "aarch64": "arm64"}
# What the download may know of our environment: how to get out, nothing else.
_ALLOWED = ("PATH", "HOME", "TMPDIR", "TF_CLI_CONFIG_FILE", "HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "SSL_CERT_FILE")


class NoMirror(Exception):
    """No folder with the providers the catalogue needs; the text says what to do."""


@dataclass(frozen=True, slots=True)
class Provider:
    """A provider a module asks for; ``version`` is None where it does not pin one exactly."""

    name: str  # "hashicorp/aws"
    version: str | None

    def is_in(self, mirror: Path, host: str) -> bool:
        return any(True for _ in self.folders(mirror, host))

    def folders(self, mirror: Path, host: str) -> Iterator[Path]:
        """Its unpacked folders for this machine."""
        return (mirror / host / self.name).glob(f"{self.version or '*'}/{this_platform()}")


def find(*, configured: str, data: Path, binary: Binary, modules: Path) -> Path:
    """The mirror ``binary`` can use for every provider that ``modules`` ask for.

    ``configured``, else the usual places, else ``terraform providers mirror`` into ``data``/mirror, once and with
    progress. For OpenTofu a mirror of Terraform's registry is offered under OpenTofu's name, by links.
    Raises :class:`NoMirror`.
    """
    needed = providers_of(modules)
    if configured:
        return _checked(Path(configured), data, binary, needed)
    made = data / "mirror" / binary.product
    for place in [made, *usual_places(os.environ)]:
        usable = usable_by(binary, place, made, needed)
        if usable is not None:
            return usable
    return fetch(made, binary, modules, needed)


def this_platform() -> str:
    machine = platform.machine().lower()
    return f"{platform.system().lower()}_{_MACHINES.get(machine, machine)}"


def providers_of(modules: Path) -> list[Provider]:
    """What the modules below ``modules`` declare in ``required_providers``, without repeats."""
    found = {
        (name, exact.group(1) if (exact := _EXACT.match(version)) else None)
        for file in sorted(modules.rglob("*.tf"))
        if ".terraform" not in file.parts
        for name, version in _PROVIDER.findall(file.read_text())
    }
    return [Provider(name, version) for name, version in sorted(found, key=str)]


def usual_places(environment: Mapping[str, str]) -> Iterator[Path]:
    """Folders that hold a registry by its host name, where people and packages put them."""
    home = Path(environment.get("HOME") or "/")
    data_home = Path(environment.get("XDG_DATA_HOME") or home / ".local/share")
    data_folders = [Path(each) for each in (environment.get("XDG_DATA_DIRS") or "").split(":") if each]
    candidates = [
        *_named_in_configuration(environment, home),
        home / ".terraform.d/plugins",
        *(folder / "terraform/plugins" for folder in [data_home, *data_folders]),
        Path("/usr/local/share/terraform/plugins"),
        Path("/usr/share/terraform/plugins"),
        *sorted(Path("/opt").glob("*")),
        *sorted(Path("/opt").glob("*/*")),
    ]
    for place in dict.fromkeys(candidates):
        if any((place / host).is_dir() for host in (TERRAFORM_HOST, OPENTOFU_HOST)):
            yield place


def usable_by(binary: Binary, place: Path, made: Path, needed: list[Provider]) -> Path | None:
    """``place`` if it serves ``binary`` with all of ``needed``; for OpenTofu perhaps through links in ``made``."""
    host = _host(binary)
    if all(provider.is_in(place, host) for provider in needed):
        return place
    if binary.product == "opentofu" and all(provider.is_in(place, TERRAFORM_HOST) for provider in needed):
        return _linked(place, made, needed)
    return None


def fetch(target: Path, binary: Binary, modules: Path, needed: list[Provider]) -> Path:
    """Download what the modules need into ``target`` and unpack it. Raises :class:`NoMirror`."""
    target.mkdir(parents=True, exist_ok=True)
    for folder in sorted({file.parent for file in modules.rglob("versions.tf")}):
        if not all(provider.is_in(target, _host(binary)) for provider in providers_of(folder)):
            _mirror(target, binary, folder)
            _unpack(target)
    missing = [provider.name for provider in needed if not provider.is_in(target, _host(binary))]
    if missing:
        raise NoMirror(f"The provider mirror {target} still lacks {', '.join(missing)}. {_ADVICE}")
    return target


_ADVICE = "Set TERRAFORM_PLUGIN_MIRROR to a folder that holds it, or let this machine reach the registry once."


def _host(binary: Binary) -> str:
    return OPENTOFU_HOST if binary.product == "opentofu" else TERRAFORM_HOST


def _checked(place: Path, data: Path, binary: Binary, needed: list[Provider]) -> Path:
    usable = usable_by(binary, place, data / "mirror" / binary.product, needed)
    if usable is None:
        names = ", ".join(f"{provider.name} {provider.version or ''}".strip() for provider in needed)
        raise NoMirror(
            f"TERRAFORM_PLUGIN_MIRROR={place} does not hold {names} for {this_platform()}, unpacked below "
            f"{_host(binary)}. Correct it, or leave it empty."
        )
    return usable


def _linked(place: Path, made: Path, needed: list[Provider]) -> Path:
    """OpenTofu follows a link only at the last level: real folders above, one link per platform."""
    for provider in needed:
        for source in provider.folders(place, TERRAFORM_HOST):
            link = made / OPENTOFU_HOST / provider.name / source.parent.name / source.name
            link.parent.mkdir(parents=True, exist_ok=True)
            if not link.exists():
                link.unlink(missing_ok=True)
                link.symlink_to(source.resolve(), target_is_directory=True)
    return made


def _named_in_configuration(environment: Mapping[str, str], home: Path) -> list[Path]:
    named = environment.get("TF_CLI_CONFIG_FILE") or home / ".terraformrc"
    files = [Path(named), home / ".terraformrc", home / ".tofurc"]
    texts = [file.read_text(errors="replace") for file in files if file.is_file()]
    return [Path(path).expanduser() for text in texts for path in _CONFIGURED.findall(text)]


def _mirror(target: Path, binary: Binary, module: Path) -> None:
    """Run the engine's own download, showing how much has arrived. Raises :class:`NoMirror`."""
    command = [str(binary.path), "providers", "mirror", f"-platform={this_platform()}", str(target.resolve())]
    environment = {name: os.environ[name] for name in _ALLOWED if name in os.environ} | {"CHECKPOINT_DISABLE": "1"}
    with (
        subprocess.Popen(
            command, cwd=module, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True
        ) as process,
        tqdm(unit="B", unit_scale=True, desc="providers") as bar,
    ):
        while process.poll() is None:
            time.sleep(0.3)
            bar.update(max(0, _size(target) - bar.n))
        complaint = process.stderr.read() if process.stderr else ""
    if process.returncode != 0:
        raise NoMirror(f"{binary.label} could not download providers: {_in_a_line(complaint)} {_ADVICE}")


def _size(folder: Path) -> int:
    sizes = []
    for file in folder.rglob("*"):
        try:
            sizes.append(file.stat().st_size if file.is_file() else 0)
        except FileNotFoundError:  # renamed meanwhile
            continue
    return sum(sizes)


def _in_a_line(text: str) -> str:
    return " ".join(re.sub(r"\x1b\[[0-9;]*m|[╷│╵]", "", text).split())[:300]


def _unpack(target: Path) -> None:
    """Turn the packed layout into the unpacked one: a run then links to it instead of unpacking 600 MB."""
    for archive in target.rglob("*.zip"):
        named = _PACKED.match(archive.name)
        if named is None:
            continue
        folder = archive.parent / named.group(1) / named.group(2)
        partial = folder.with_name(f".{folder.name}")
        shutil.rmtree(partial, ignore_errors=True)
        with zipfile.ZipFile(archive) as contents:
            contents.extractall(partial)
        for program in partial.glob("terraform-provider-*"):
            program.chmod(0o755)
        partial.rename(folder)
        archive.unlink()
    for index in target.rglob("*.json"):
        index.unlink()
