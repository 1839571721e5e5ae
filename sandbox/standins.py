"""The stand-in providers, laid out as Terraform finds providers, with an interpreter of their own beside them.

A run sees the system's folders, the engine and its mirror, and nothing else: a Python in somebody's home is out of its
reach. So the interpreter that runs us is laid beside the mirror, with the few packages the stand-ins import::

    <folder>/<stamp>/mirror/<registry host>/hashicorp/azurerm/4.55.0/<platform>/terraform-provider-azurerm_v4.55.0
    <folder>/<stamp>/runtime/python/    interpreter and standard library, unless they are the system's
    <folder>/<stamp>/runtime/modules/   standin/ and what it imports

The launcher finds the runtime from where it lies itself, so the whole may be copied elsewhere.
"""

from __future__ import annotations

import compileall
import fcntl
import hashlib
import os
import py_compile
import shutil
import sys
import sysconfig
from importlib import metadata
from pathlib import Path

from provisioning.terraform import mirror, reach

SOURCE = Path(__file__).parent / "standin"
PROVIDERS = {"azurerm": "4.55.0", "google": "6.50.0"}
PACKAGES = ("grpcio", "protobuf", "msgpack", "cryptography", "cffi", "typing-extensions")
NOT_NEEDED = shutil.ignore_patterns(
    "site-packages",
    "test",
    "tests",
    "idlelib",
    "tkinter",
    "turtledemo",
    "ensurepip",
    "lib2to3",
    "config-*",
    "pydoc_data",
)
LAUNCHER = """#!/bin/sh
runtime="$(dirname "$0")/../../../../../../runtime"
{environment}exec {python} -I "$runtime/modules/standin/main.py" {provider}
"""


def install(folder: Path) -> Path:
    """Lay everything out below ``folder``, once for each version of it; return the mirror. Older ones are removed."""
    reach.open_folder(folder)
    place = folder / _stamp()
    with (folder / ".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not place.is_dir():
            partial = folder / f".{place.name}.{os.getpid()}"
            _lay_out(reach.open_folder(partial))
            partial.rename(place)
            for older in folder.glob("*"):
                if older != place and older.is_dir():
                    shutil.rmtree(older, ignore_errors=True)
    return place / "mirror"


def _stamp() -> str:
    """Changes with the interpreter, the packages and the stand-ins' own files."""
    digest = hashlib.sha256(f"{sys.version}\0{sys.base_prefix}".encode())
    for package in PACKAGES:
        digest.update(f"{package} {metadata.version(package)}\0".encode())
    for file in [Path(__file__), *_sources()]:
        digest.update(file.read_bytes())
    return digest.hexdigest()[:16]


def _sources() -> list[Path]:
    return sorted(path for path in SOURCE.rglob("*") if path.is_file() and "__pycache__" not in path.parts)


def _lay_out(place: Path) -> None:
    modules = place / "runtime" / "modules"
    shutil.copytree(SOURCE, modules / "standin", ignore=shutil.ignore_patterns("__pycache__"))
    for package in PACKAGES:
        _copy_package(package, modules)
    compileall.compile_dir(modules, quiet=2, invalidation_mode=py_compile.PycInvalidationMode.UNCHECKED_HASH)
    python, environment = _lay_out_python(place / "runtime" / "python")
    for host in (mirror.TERRAFORM_HOST, mirror.OPENTOFU_HOST):
        for provider, version in PROVIDERS.items():
            program = f"terraform-provider-{provider}_v{version}"
            launcher = place / "mirror" / host / "hashicorp" / provider / version / mirror.this_platform() / program
            launcher.parent.mkdir(parents=True)
            launcher.write_text(LAUNCHER.format(environment=environment, python=python, provider=provider))
            launcher.chmod(0o755)
    _let_everybody_read(place)


def _copy_package(package: str, modules: Path) -> None:
    """A distribution's own files, without what it says about itself."""
    for file in metadata.files(package) or []:
        if ".." in file.parts or file.parts[0].endswith(".dist-info") or "__pycache__" in file.parts:
            continue
        target = modules / file
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(str(file.locate()), target)


def _lay_out_python(target: Path) -> tuple[str, str]:
    """How a launcher starts the interpreter, and what it sets before; laid out unless it is the system's."""
    version = f"python{sys.version_info.major}.{sys.version_info.minor}"
    base = Path(sys.base_prefix)
    if base.is_relative_to("/usr") and not base.is_relative_to("/usr/local"):
        return str(base / "bin" / version), ""
    shutil.copytree(base / "lib" / version, target / "lib" / version, ignore=NOT_NEEDED, symlinks=False)
    (target / "bin").mkdir()
    shutil.copy2((base / "bin" / version).resolve(), target / "bin" / version)
    for library in _shared_libraries(base):
        shutil.copy2(library.resolve(), target / "lib" / library.name)
    return f'"$runtime/python/bin/{version}"', 'export LD_LIBRARY_PATH="$runtime/python/lib"\n'


def _shared_libraries(base: Path) -> list[Path]:
    name = str(sysconfig.get_config_var("INSTSONAME") or "")
    return [base / "lib" / name] if ".so" in name or name.endswith(".dylib") else []


def _let_everybody_read(place: Path) -> None:
    for path in [place, *place.rglob("*")]:
        if not path.is_symlink():
            path.chmod(path.stat().st_mode | (0o555 if path.is_dir() else 0o444))
