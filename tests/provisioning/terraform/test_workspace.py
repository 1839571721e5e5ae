import json
import os
import stat
from pathlib import Path

import pytest

from provisioning.execution import toolchain
from provisioning.terraform import workspace
from provisioning.terraform.toolchain import Toolchain, locked_providers
from provisioning.terraform.workspace import Runner, Workspace

MODULE = 'resource "terraform_data" "this" {}\n'
STATE = json.dumps({"serial": 1, "resources": []})


@pytest.fixture
def runner() -> Runner:
    return toolchain.runner()


@pytest.fixture
def module(tmp_path: Path) -> Path:
    folder = tmp_path / "module"
    (folder / "tests").mkdir(parents=True)
    (folder / "main.tf").write_text(MODULE)
    (folder / "README.md").write_text("words")
    (folder / "offering.toml").write_text("title = 'x'")
    return folder


def made(runner: Runner, module: Path) -> Workspace:
    return workspace.create(runner, workspace.prepare(runner, module, str(module)), f"test-{module.parent.name}")


def test_a_module_is_prepared_once_and_only_its_terraform_files(runner: Runner, module: Path) -> None:
    first = workspace.prepare(runner, module, "hash-1")
    (module / "main.tf").write_text("this is no longer valid {{{")

    assert workspace.prepare(runner, module, "hash-1") == first
    assert sorted(path.name for path in first.iterdir() if path.suffix != ".hcl") == ["main.tf"]


def test_another_content_or_another_engine_is_another_preparation(runner: Runner, module: Path) -> None:
    other = Runner(
        runner.root, Toolchain(runner.toolchain.binary, "other 1.0", runner.toolchain.mirror), runner.isolation
    )

    folders = {
        workspace.prepare(runner, module, "hash-2"),
        workspace.prepare(runner, module, "hash-3"),
        workspace.prepare(other, module, "hash-2"),
    }

    assert len(folders) == 3


def test_a_broken_module_leaves_nothing_prepared(runner: Runner, module: Path) -> None:
    (module / "main.tf").write_text("resource {")
    before = set((runner.root / "prepared").glob("*"))

    with pytest.raises(workspace.PreparationFailed, match="resource"):
        workspace.prepare(runner, module, "hash-broken")

    assert {path for path in (runner.root / "prepared").glob("*") if path.is_dir()} <= before


def test_inputs_and_state_are_for_the_owner_only(runner: Runner, module: Path) -> None:
    place = made(runner, module)
    workspace.write_inputs(place, {"name": "x"}, {"sandbox_override.tf.json": "{}"})
    workspace.write_state(place, STATE)

    for name in (workspace.VARIABLES, workspace.STATE, "sandbox_override.tf.json"):
        assert stat.S_IMODE((place.path / name).stat().st_mode) == 0o600
    assert stat.S_IMODE(place.path.stat().st_mode) == 0o700
    place.remove()
    assert not place.home.exists()


@pytest.mark.parametrize("name", ["../outside", "a/b", "/etc/passwd"])
def test_an_override_cannot_leave_the_workspace(runner: Runner, module: Path, name: str) -> None:
    place = made(runner, module)

    with pytest.raises(ValueError, match="plain file name"):
        workspace.write_inputs(place, {}, {name: "x"})


def test_a_workspace_is_handed_to_the_runners_user(runner: Runner, module: Path) -> None:
    place = made(runner, module)

    workspace.hand_over(place, runner.isolation)

    owner = runner.isolation.user.uid if runner.isolation.user else os.geteuid()
    assert {path.lstat().st_uid for path in [place.path, *place.path.rglob("*")]} == {owner}
    assert place.cli_config.stat().st_uid == os.geteuid()


def test_a_torn_state_falls_back_to_the_one_before(runner: Runner, module: Path) -> None:
    place = made(runner, module)
    (place.path / workspace.STATE).write_text(STATE[:10])
    assert place.read_state() is None

    (place.path / f"{workspace.STATE}.backup").write_text(STATE)
    assert place.read_state() == STATE


def test_a_state_that_is_a_link_or_a_pipe_is_not_read(runner: Runner, module: Path, tmp_path: Path) -> None:
    place = made(runner, module)
    (tmp_path / "theirs").write_text(STATE)
    (place.path / workspace.STATE).symlink_to(tmp_path / "theirs")
    os.mkfifo(place.path / f"{workspace.STATE}.backup")

    assert place.read_state() is None


def test_locked_providers_are_read_with_their_versions(tmp_path: Path) -> None:
    lock = tmp_path / ".terraform.lock.hcl"
    lock.write_text('provider "registry.terraform.io/hashicorp/aws" {\n  version     = "5.100.0"\n  hashes = []\n}\n')

    assert locked_providers(lock) == {"registry.terraform.io/hashicorp/aws": "5.100.0"}
    assert locked_providers(tmp_path / "missing") == {}


def test_a_changed_mirror_changes_the_fingerprint(tmp_path: Path) -> None:
    provider = tmp_path / "registry.example" / "a" / "b" / "1.0.0" / "linux_amd64" / "terraform-provider-b"
    provider.parent.mkdir(parents=True)
    provider.write_text("one")
    tools = Toolchain(Path("terraform"), "terraform 1.11.4", tmp_path)
    before = tools.fingerprint

    provider.write_text("three")

    assert tools.fingerprint != before
