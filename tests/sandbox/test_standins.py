"""The stand-in providers, laid out for Terraform."""

import os
import subprocess
from pathlib import Path

from provisioning.terraform import mirror
from sandbox import standins


def test_they_are_laid_out_once_and_run_for_anybody(tmp_path: Path) -> None:
    first = standins.install(tmp_path / "standins")
    made = first.stat().st_mtime_ns

    assert standins.install(tmp_path / "standins") == first
    assert first.stat().st_mtime_ns == made
    launchers = sorted(first.glob("*/hashicorp/*/*/*/*"))
    assert [launcher.name for launcher in launchers] == [
        "terraform-provider-azurerm_v4.55.0",
        "terraform-provider-google_v6.50.0",
    ] * 2
    assert {launcher.parent.name for launcher in launchers} == {mirror.this_platform()}
    for launcher in launchers[:2]:
        said = subprocess.run([str(launcher)], env={"PATH": os.defpath}, capture_output=True, text=True, check=False)
        assert "Terraform starts it, people do not" in said.stderr


def test_an_older_version_is_removed(tmp_path: Path) -> None:
    (tmp_path / "standins" / "0123").mkdir(parents=True)

    current = standins.install(tmp_path / "standins")

    assert [each.name for each in (tmp_path / "standins").iterdir() if each.is_dir()] == [current.parent.name]
