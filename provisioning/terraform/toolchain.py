"""What a run is made with: an engine binary and a mirror of providers, both read-only to the run."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from pathlib import Path

_LOCKED_PROVIDER = re.compile(r'^provider "([^"]+)" \{\s*version\s*=\s*"([^"]+)"', re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Toolchain:
    """``engine`` is its name and version ("terraform 1.11.4"); ``mirror`` holds folders named by registry host.

    ``runtime`` is what programs in the mirror need beside them, such as an interpreter.
    """

    binary: Path
    engine: str
    mirror: Path | None = None
    runtime: Path | None = None

    @property
    def fingerprint(self) -> str:
        """Changes with the engine and with any provider in the mirror, by name, size and time of its files."""
        digest = hashlib.sha256(f"{self.engine}\0{self.mirror}".encode())
        for file in self.mirror_files():
            found = file.stat()
            digest.update(f"{file}\0{found.st_size}\0{found.st_mtime_ns}\n".encode())
        return digest.hexdigest()

    def mirror_files(self) -> list[Path]:
        if self.mirror is None:
            return []
        return sorted(file for platform in self.mirror.glob("*/*/*/*/*") for file in [platform, *platform.glob("*")])

    def readable(self) -> list[Path]:
        """What a run must see, read-only: the binary, the mirror, and where links in the mirror lead."""
        paths = [self.binary, self.binary.resolve()]
        if self.mirror is not None:
            links = [path.resolve() for path in self.mirror.glob("*/*/*/*/*") if path.is_symlink()]
            paths += [self.mirror, self.mirror.resolve(), *links]
        if self.runtime is not None:
            paths.append(self.runtime)
        return list(dict.fromkeys(paths))


def locked_providers(lock_file: Path) -> dict[str, str]:
    """{"registry.terraform.io/hashicorp/aws": "5.100.0"} from a ``.terraform.lock.hcl``; empty without one."""
    if not lock_file.exists():
        return {}
    return dict(_LOCKED_PROVIDER.findall(lock_file.read_text()))
