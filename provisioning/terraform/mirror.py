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
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from tqdm import tqdm

from . import reach
from .binary import Binary

FIRST = "hashicorp/aws"  # downloaded at once where there is no provider at all: the simulated AWS works with it too
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
    """The mirror for ``binary``, with the providers of ``modules`` that are on this machine.

    ``configured``, else the first usual place that holds them all, else ``data``/mirror/<product>: links to what the
    usual places hold, and what was downloaded. What is missing there is downloaded when a module needs it first
    (:func:`complete`); where there is nothing at all, the provider of the simulated AWS at once.
    Raises :class:`NoMirror`.
    """
    needed = providers_of(modules)
    made = made_below(data, binary)
    if configured:
        return _checked(Path(configured), made, binary, needed)
    places = [made, *usual_places(os.environ)]
    for place in places:
        if needed and all(provider.is_in(place, _host(binary)) for provider in needed):
            return place
    _link_what_is_there(places, made, binary, needed)
    if not any(provider.is_in(made, _host(binary)) for provider in needed):
        first = next((module for module in _module_folders(modules) if _needs(module, FIRST)), None)
        return complete(made, binary, first) if first else made
    return made


def made_below(data: Path, binary: Binary) -> Path:
    """The mirror of our own: links and downloads."""
    return data / "mirror" / binary.product


def complete(made: Path, binary: Binary, module: Path) -> Path:
    """Download into ``made`` what ``module`` needs and it lacks. Raises :class:`NoMirror`."""
    if missing(made, binary, module):
        made.mkdir(parents=True, exist_ok=True)
        _mirror(made, binary, module)
        _unpack(made)
    if lacking := missing(made, binary, module):
        raise NoMirror(f"The provider mirror {made} still lacks {_listed(lacking)}. {_ADVICE}")
    return made


def missing(place: Path, binary: Binary, module: Path) -> list[Provider]:
    """What ``module`` needs and ``place`` does not hold for this machine."""
    return [provider for provider in providers_of(module) if not provider.is_in(place, _host(binary))]


def offer(place: Path, target: Path, is_reachable: Callable[[Path], bool]) -> Path:
    """``place`` once more at ``target``: links to those folders that ``is_reachable``, copies of the rest."""
    for platform_folder in place.glob("*/*/*/*/*"):
        wanted = target / platform_folder.relative_to(place)
        real = platform_folder.resolve()
        if all(is_reachable(path) for path in [real, *real.iterdir()]):
            _link(real, wanted)
        else:
            reach.copy_tree(real, wanted)
    return target


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


_ADVICE = "Set TERRAFORM_PLUGIN_MIRROR to a folder that holds it, or let this machine reach the registry once."


def _host(binary: Binary) -> str:
    return OPENTOFU_HOST if binary.product == "opentofu" else TERRAFORM_HOST


def _checked(place: Path, made: Path, binary: Binary, needed: list[Provider]) -> Path:
    """The operator's own mirror: used as it is, so that a module whose provider it lacks is refused."""
    if any(provider.is_in(place, _host(binary)) for provider in needed) or not needed:
        return place
    _link_what_is_there([place], made, binary, needed)
    if any(provider.is_in(made, _host(binary)) for provider in needed):
        return made
    raise NoMirror(
        f"TERRAFORM_PLUGIN_MIRROR={place} does not hold {_listed(needed)} for {this_platform()}, unpacked below "
        f"{_host(binary)}. Correct it, or leave it empty."
    )


def _link_what_is_there(places: list[Path], made: Path, binary: Binary, needed: list[Provider]) -> None:
    """Each provider from the first place that has it. OpenTofu takes what lies under Terraform's registry as well."""
    hosts = [_host(binary)] if binary.product == "terraform" else [OPENTOFU_HOST, TERRAFORM_HOST]
    for provider in needed:
        found = [folder for place in places for host in hosts for folder in provider.folders(place, host)]
        if found and not provider.is_in(made, _host(binary)):
            version, platform_name = found[0].parent.name, found[0].name
            _link(found[0].resolve(), made / _host(binary) / provider.name / version / platform_name)


def _link(source: Path, link: Path) -> None:
    """Real folders above, a link only at the last level: OpenTofu follows none higher up."""
    reach.open_folder(link.parent)
    if link.is_symlink() and link.resolve() == source:
        return
    link.unlink(missing_ok=True)
    link.symlink_to(source, target_is_directory=True)


def _module_folders(modules: Path) -> list[Path]:
    return sorted({file.parent for file in modules.rglob("versions.tf")})


def _needs(module: Path, name: str) -> bool:
    return any(provider.name == name for provider in providers_of(module))


def _listed(providers: list[Provider]) -> str:
    return ", ".join(f"{provider.name} {provider.version or ''}".strip() for provider in providers)


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
