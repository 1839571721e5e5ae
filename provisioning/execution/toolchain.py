"""From settings to what runs are made with on this machine; worked out once per process."""

from __future__ import annotations

import hashlib
import os
import shutil
import stat
import tempfile
from contextlib import suppress
from functools import cache
from pathlib import Path

import structlog
from django.conf import settings

from provisioning.terraform import binary, isolation, mirror, reach
from provisioning.terraform.isolation import Isolation, IsolationUnavailable, Limits
from provisioning.terraform.toolchain import Toolchain
from provisioning.terraform.workspace import Runner

log = structlog.get_logger(__name__)
FALLBACK = "skyvend-runner-"
STANDS_FOR = "stands-for"  # the file in such a folder that names the one it stands for


@cache
def runner() -> Runner:
    """Where and how runs work on this machine.

    Raises ``IsolationUnavailable``, ``binary.NoEngine`` or ``mirror.NoMirror``; each message is one clear line.
    """
    user = isolation.runner_user(settings.RUNNER_USER)
    root = _root(user)
    wall = isolation.detect(
        settings.RUNNER_ISOLATION,
        settings.RUNNER_USER,
        hidden=[settings.BASE_DIR, settings.DATA],
        copies=root / "bin",
    )
    return Runner(root=root, toolchain=_within_reach(_toolchain(), wall, root), isolation=wall)


def limits() -> Limits:
    return Limits(
        wall_seconds=settings.RUN_TIMEOUT, cpu_seconds=settings.RUN_TIMEOUT, memory_mb=settings.RUNNER_MEMORY_MB
    )


def _toolchain() -> Toolchain:
    engine = binary.find(configured=settings.TERRAFORM_BINARY, data=settings.DATA)
    plugins = mirror.find(
        configured=settings.TERRAFORM_PLUGIN_MIRROR,
        data=settings.DATA,
        binary=engine,
        modules=settings.TERRAFORM_MODULES,
    )
    return Toolchain(binary=engine.path, engine=engine.label, mirror=plugins.absolute() if plugins.is_dir() else None)


def _root(user: isolation.RunnerUser | None) -> Path:
    """The folder of workspaces: RUNNER_DIR, else DATA/runner, else one under the system's temporary folder when the
    runner's user cannot get at those.
    """
    wanted = Path(settings.RUNNER_DIR) if settings.RUNNER_DIR else settings.DATA / "runner"
    reach.open_folder(wanted)
    if user is None or reach.can_enter(wanted, user.uid, user.gid):
        return wanted
    if settings.RUNNER_DIR:
        raise IsolationUnavailable(f"{user.name} cannot reach RUNNER_DIR={wanted}: choose another folder.")
    mark = hashlib.sha256(str(wanted).encode()).hexdigest()[:12]
    instead = Path(tempfile.gettempdir()) / f"{FALLBACK}{mark}"
    reach.open_folder(instead)
    if not _is_own_folder(instead):
        raise IsolationUnavailable(f"{instead} belongs to somebody else: set RUNNER_DIR.")
    (instead / STANDS_FOR).write_text(str(wanted))
    _remove_stale(instead.parent)
    log.info("runs work where their user can reach", user=user.name, wanted=str(wanted), instead=str(instead))
    return instead


def _is_own_folder(path: Path) -> bool:
    """A folder of ours, not a link to one: anybody may put things into the system's temporary folder."""
    about = path.lstat()
    return stat.S_ISDIR(about.st_mode) and about.st_uid == os.geteuid()


def _remove_stale(parent: Path) -> None:
    """Remove folders like ours whose own DATA was removed; only who could write there can have named it."""
    for folder in parent.glob(f"{FALLBACK}*"):
        with suppress(OSError):
            if _is_own_folder(folder) and not Path((folder / STANDS_FOR).read_text()).exists():
                log.info("a runner's folder whose DATA is gone is removed", folder=str(folder))
                shutil.rmtree(folder)


def _within_reach(tools: Toolchain, wall: Isolation, root: Path) -> Toolchain:
    """Copies (links, on one disk) of what the runner's user cannot get at."""
    user = wall.user
    if user is None:
        return tools
    engine, plugins = tools.binary, tools.mirror
    if not reach.can_reach(engine, user.uid, user.gid):
        log.info("the engine is copied to where the runner's user can reach it", source=str(engine))
        engine = reach.copy_file(engine, root / "bin" / engine.name)
    if plugins is not None and not all(reach.can_reach(path, user.uid, user.gid) for path in tools.mirror_files()):
        log.info("the provider mirror is copied to where the runner's user can reach it", source=str(plugins))
        plugins = reach.copy_tree(plugins, root / "mirror")
    return Toolchain(binary=engine, engine=tools.engine, mirror=plugins)
