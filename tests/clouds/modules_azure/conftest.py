"""Azure's modules under the real Terraform, with the stand-in provider, against a simulated Azure."""

from __future__ import annotations

import json
import os
import secrets
import shutil
import subprocess
import sys
import urllib.parse
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings

from provisioning.terraform import binary
from sandbox import servers

MODULES = settings.TERRAFORM_MODULES / "azure"
STANDIN = settings.BASE_DIR / "sandbox/standin/main.py"
PROVIDER = "registry.terraform.io/hashicorp/azurerm/4.55.0"
TAGS = {"skyvend-organization": "o-1", "skyvend-resource": "r-1", "skyvend-run": "n-1"}


@dataclass(frozen=True)
class Azure:
    """One simulated Azure and the credentials of its first application."""

    address: str
    credentials: dict[str, str]

    def objects(self, **tags: str) -> dict[str, list[str]]:
        """The names of what carries ``tags``, by Terraform type."""
        query = urllib.parse.urlencode([("tag", f"skyvend-{key}:{value}") for key, value in tags.items()])
        found: dict[str, list[str]] = {}
        for each in _fetched(f"{self.address}/objects?{query}"):
            found.setdefault(each["type"], []).append(each["name"])
        return {kind: sorted(names) for kind, names in found.items()}


class Terraform:
    """One initialised copy of a module."""

    def __init__(self, engine: Path, mirror: Path, module: Path, directory: Path, azure: Azure | None = None) -> None:
        self.engine, self.directory = engine, directory
        shutil.copytree(module, directory)
        self.environment = {
            "PATH": os.environ["PATH"],
            "HOME": str(directory),
            "TF_CLI_CONFIG_FILE": os.devnull,
            "CHECKPOINT_DISABLE": "1",
        }
        if azure:
            self.environment |= {"SKYVEND_SIMULATED_CLOUD": azure.address}
            self.environment |= {f"ARM_{key.upper()}": value for key, value in azure.credentials.items()}
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


@pytest.fixture(scope="session")
def engine() -> Path:
    try:
        return binary.find(configured=settings.TERRAFORM_BINARY, data=settings.DATA).path
    except binary.NoEngine as error:
        pytest.skip(str(error))


@pytest.fixture(scope="session")
def azure_mirror(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of providers that holds the stand-in only, run from where it is."""
    mirror = tmp_path_factory.mktemp("mirror")
    for platform in ("linux_amd64", "linux_arm64", "darwin_arm64", "darwin_amd64"):
        launcher = mirror / PROVIDER / platform / "terraform-provider-azurerm_v4.55.0"
        launcher.parent.mkdir(parents=True)
        launcher.write_text(f'#!/bin/sh\nexec "{sys.executable}" -I "{STANDIN}" azurerm\n')
        launcher.chmod(0o755)
    return mirror


@pytest.fixture(scope="session")
def azure(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Azure]:
    port, key = servers.free_port(), secrets.token_hex(16)
    store = tmp_path_factory.mktemp("azure") / "azure.sqlite"
    server = subprocess.Popen(
        [sys.executable, "-m", "sandbox.simulated", "azure", str(port), str(store)],
        cwd=settings.BASE_DIR,
        env=os.environ | {"SANDBOX_CONTROL_KEY": key},
    )
    try:
        address = f"http://127.0.0.1:{port}"
        servers.wait_for_http(f"{address}/objects", seconds=60)
        yield Azure(address, _fetched(f"{address}/control/credentials", key))
    finally:
        server.terminate()
        server.wait()


@pytest.fixture
def module(engine: Path, azure_mirror: Path, tmp_path: Path, azure: Azure) -> Iterator[Callable[[str], Terraform]]:
    """``module("vm")``: that module in a folder of its own, destroyed in the end."""
    made: list[Terraform] = []

    def make(kind: str) -> Terraform:
        made.append(Terraform(engine, azure_mirror, MODULES / kind / "1.0.0", tmp_path / kind, azure))
        return made[-1]

    yield make
    for each in made:
        each.destroy()


def _fetched(url: str, key: str = "") -> Any:
    request = urllib.request.Request(url, headers={"X-Sandbox-Key": key})
    with urllib.request.urlopen(request, timeout=30) as answer:
        return json.loads(answer.read())
