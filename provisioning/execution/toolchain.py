"""From settings to what runs are made with on this machine; worked out once per process."""

from __future__ import annotations

import hashlib
import os
import shutil
import stat
import tempfile
import threading
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import replace
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
_one_at_a_time = threading.Lock()  # downloads into the mirror
STANDS_FOR = "stands-for"  # the file in such a folder that names the one it stands for


@cache
def runner(*, is_simulated: bool = False) -> Runner:
    """Where and how runs work on this machine; ``is_simulated``: with the stand-in providers.

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
    tools = _simulated(_engine(), wall, root) if is_simulated else _real(_engine(), wall, root)
    return Runner(root=root, toolchain=tools, isolation=wall)


def runner_for(module: Path, *, is_simulated: bool) -> Runner:
    """The runner that has the providers ``module`` needs; the first run of a module may download them.

    Raises ``mirror.NoMirror`` in words when they are not to be had.
    """
    found = runner(is_simulated=is_simulated)
    place, engine = found.toolchain.mirror, _engine()
    lacking = mirror.missing(place, engine, module) if place is not None else []
    if not lacking:
        return found
    names = ", ".join(f"{each.name} {each.version or ''}".strip() for each in lacking)
    if is_simulated:
        raise mirror.NoMirror(f"The simulated cloud has no stand-in for {names}.")
    if settings.TERRAFORM_PLUGIN_MIRROR:
        raise mirror.NoMirror(
            f"TERRAFORM_PLUGIN_MIRROR={settings.TERRAFORM_PLUGIN_MIRROR} does not hold {names}: add it there, or "
            "leave the setting empty to let this machine download it once."
        )
    with _one_at_a_time:
        mirror.complete(mirror.made_below(settings.DATA, engine), engine, module)
        runner.cache_clear()
    return runner()


def limits() -> Limits:
    return Limits(
        wall_seconds=settings.RUN_TIMEOUT, cpu_seconds=settings.RUN_TIMEOUT, memory_mb=settings.RUNNER_MEMORY_MB
    )


def _engine() -> binary.Binary:
    return binary.find(configured=settings.TERRAFORM_BINARY, data=settings.DATA)


def _real(engine: binary.Binary, wall: Isolation, root: Path) -> Toolchain:
    place = mirror.find(
        configured=settings.TERRAFORM_PLUGIN_MIRROR,
        data=settings.DATA,
        binary=engine,
        modules=settings.TERRAFORM_MODULES,
    )
    tools = Toolchain(binary=engine.path, engine=engine.label, mirror=place.absolute() if place.is_dir() else None)
    return _within_reach(tools, wall, root)


def _simulated(engine: binary.Binary, wall: Isolation, root: Path) -> Toolchain:
    """With the stand-in providers: SANDBOX_PLUGIN_MIRROR, and beside it the interpreter they run on."""
    if not settings.SANDBOX_PLUGIN_MIRROR:
        raise mirror.NoMirror("There are no stand-in providers here: they belong to the trial (`make up`).")
    place = Path(settings.SANDBOX_PLUGIN_MIRROR).absolute()
    runtime = place.parent / "runtime"
    if wall.user is not None and not _can_reach_all([*_programs(place), runtime], wall.user):
        place, runtime = (
            reach.copy_tree(place, root / "standins" / "mirror"),
            reach.copy_tree(runtime, root / "standins" / "runtime"),
        )
    tools = Toolchain(binary=engine.path, engine=engine.label, mirror=place, runtime=runtime)
    return replace(tools, binary=_binary_within_reach(tools, wall, root))


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
    user, plugins = wall.user, tools.mirror
    if user is not None and plugins is not None and not _can_reach_all([plugins, *tools.mirror_files()], user):
        log.info("the provider mirror is offered where the runner's user can reach it", source=str(plugins))
        plugins = mirror.offer(plugins, root / "mirror", lambda path: reach.can_reach(path, user.uid, user.gid))
    return replace(tools, binary=_binary_within_reach(tools, wall, root), mirror=plugins)


def _binary_within_reach(tools: Toolchain, wall: Isolation, root: Path) -> Path:
    user = wall.user
    if user is None or reach.can_reach(tools.binary, user.uid, user.gid):
        return tools.binary
    log.info("the engine is copied to where the runner's user can reach it", source=str(tools.binary))
    return reach.copy_file(tools.binary, root / "bin" / tools.binary.name)


def _can_reach_all(paths: Iterable[Path], user: isolation.RunnerUser) -> bool:
    return all(reach.can_reach(path, user.uid, user.gid) for path in paths)


def _programs(place: Path) -> list[Path]:
    return list(place.glob("*/*/*/*/*/*"))
