"""Can another user get at a file? The runner's user must traverse every folder above what a run reads."""

from __future__ import annotations

import os
import shutil
import stat
from pathlib import Path


def can_reach(path: Path, uid: int, gid: int) -> bool:
    """Whether user ``uid`` of group ``gid`` may read ``path`` (and, for a folder, enter it) and all above it."""
    real = path.resolve()
    if not real.exists():
        return False
    wanted = stat.S_IROTH | (stat.S_IXOTH if real.is_dir() or os.access(real, os.X_OK) else 0)
    return _allows(real, wanted, uid, gid) and all(_allows(up, stat.S_IXOTH, uid, gid) for up in real.parents)


def can_enter(folder: Path, uid: int, gid: int) -> bool:
    """Whether user ``uid`` may traverse ``folder`` and all above it."""
    real = folder.resolve()
    return all(_allows(each, stat.S_IXOTH, uid, gid) for each in [real, *real.parents])


def copy_file(source: Path, target: Path) -> Path:
    """Put ``source`` at ``target`` for everybody to read; linked where the disk allows, else copied. Idempotent."""
    open_folder(target.parent)
    if _is_same(source, target):
        return target
    partial = target.with_name(f".{target.name}.{os.getpid()}")
    try:
        if not source.stat().st_mode & stat.S_IROTH:
            raise PermissionError(source)
        os.link(source.resolve(), partial)
    except OSError:
        shutil.copy2(source.resolve(), partial)
        partial.chmod(0o755)
    partial.replace(target)
    return target


def copy_tree(source: Path, target: Path) -> Path:
    """:func:`copy_file` for every file below ``source``, links to folders followed."""
    open_folder(target)
    for entry in source.iterdir():
        if entry.is_dir():
            copy_tree(entry, target / entry.name)
        else:
            copy_file(entry, target / entry.name)
    return target


def open_folder(path: Path) -> Path:
    """Make ``path`` and what is missing above it, traversable but not listable by others."""
    missing = [path, *path.parents]
    for folder in reversed([each for each in missing if not each.exists()]):
        folder.mkdir(exist_ok=True)
        folder.chmod(0o755)
    return path


def _is_same(source: Path, target: Path) -> bool:
    if not target.exists():
        return False
    found, wanted = target.stat(), source.stat()
    return (found.st_size, int(found.st_mtime)) == (wanted.st_size, int(wanted.st_mtime))


def _allows(path: Path, wanted: int, uid: int, gid: int) -> bool:
    """``wanted`` is in bits of "others"; the owner's and the group's bits are the same, shifted."""
    found = path.stat()
    if found.st_uid == uid:
        wanted <<= 6
    elif found.st_gid == gid:
        wanted <<= 3
    return found.st_mode & wanted == wanted
