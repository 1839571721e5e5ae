"""A module under the real Terraform with a stand-in provider, against a simulated cloud."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import httpx
from django.conf import settings

from sandbox.standins import PROVIDERS
from tests.plugin import SimulatedCloud

STANDIN = settings.BASE_DIR / "sandbox/standin/main.py"
TAGS = {"skyvend-organization": "o-1", "skyvend-resource": "r-1", "skyvend-run": "n-1"}


class Terraform:
    """One initialised copy of a module."""

    def __init__(
        self, engine: Path, mirror: Path, module: Path, directory: Path, variables: Mapping[str, str] | None = None
    ) -> None:
        self.engine, self.directory = engine, directory
        shutil.copytree(module, directory)
        self.environment = {
            "PATH": os.environ["PATH"],
            "HOME": str(directory),
            "TF_CLI_CONFIG_FILE": os.devnull,
            "CHECKPOINT_DISABLE": "1",
            **(variables or {}),
        }
        self("init", "-input=false", f"-plugin-dir={mirror}")

    def __call__(self, *arguments: str) -> str:
        done = subprocess.run(
            [str(self.engine), *arguments, "-no-color"],
            cwd=self.directory,
            env=self.environment,
            capture_output=True,
            text=True,
            check=False,
            timeout=300,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def apply(self, **variables: Any) -> dict[str, Any]:
        """Apply with ``variables`` and return the outputs, once a second plan finds nothing left to do."""
        self._write(variables)
        self("apply", "-auto-approve", "-input=false")
        self("plan", "-detailed-exitcode", "-input=false")  # 2 would mean changes
        return {name: output["value"] for name, output in json.loads(self("output", "-json")).items()}

    def changes(self, **variables: Any) -> dict[str, list[str]]:
        """What a plan with ``variables`` would do: {"azurerm_subnet.this": ["update"]}."""
        self._write(variables)
        self("plan", "-input=false", "-out=changes.plan")
        plan = json.loads(self("show", "-json", "changes.plan"))
        changes = {each["address"]: each["change"]["actions"] for each in plan.get("resource_changes", [])}
        return {address: actions for address, actions in changes.items() if actions != ["no-op"]}

    def attributes(self, address: str) -> dict[str, Any]:
        resources = json.loads(self("show", "-json"))["values"]["root_module"]["resources"]
        values: dict[str, Any] = next(each["values"] for each in resources if each["address"] == address)
        return values

    def destroy(self) -> None:
        self("destroy", "-auto-approve", "-input=false")

    def _write(self, variables: dict[str, Any]) -> None:
        (self.directory / "terraform.tfvars.json").write_text(json.dumps(variables))


def lay_out_mirror(mirror: Path, provider: str) -> Path:
    """A folder of providers that holds one stand-in only, run from where it is."""
    version = PROVIDERS[provider]
    for platform in ("linux_amd64", "linux_arm64", "darwin_arm64", "darwin_amd64"):
        place = mirror / f"registry.terraform.io/hashicorp/{provider}" / version / platform
        launcher = place / f"terraform-provider-{provider}_v{version}"
        launcher.parent.mkdir(parents=True)
        launcher.write_text(f'#!/bin/sh\nexec "{sys.executable}" -I "{STANDIN}" {provider}\n')
        launcher.chmod(0o755)
    return mirror


def maker(
    engine: Path, mirror: Path, modules: Path, directory: Path, variables: Mapping[str, str]
) -> Iterator[Callable[[str], Terraform]]:
    """``module("vm")``: that module in a folder of its own, destroyed in the end."""
    made: list[Terraform] = []

    def make(kind: str) -> Terraform:
        made.append(Terraform(engine, mirror, modules / kind / "1.0.0", directory / kind, variables))
        return made[-1]

    yield make
    for each in made:
        each.destroy()


def objects(cloud: SimulatedCloud, **tags: str) -> dict[str, list[str]]:
    """The names of what carries ``tags``, by Terraform type."""
    query = [("tag", f"skyvend-{key}:{value}") for key, value in tags.items()]
    found: dict[str, list[str]] = {}
    for each in httpx.get(f"{cloud.endpoint}/objects", params=query, trust_env=False).json():
        found.setdefault(each["type"], []).append(each["name"])
    return {kind: sorted(names) for kind, names in found.items()}
