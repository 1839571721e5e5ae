"""The real Terraform with the stand-in providers in a mirror, over a fake cloud of this process."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.sandbox.standin.fake import FakeCloud

MAIN = Path(__file__).resolve().parents[3] / "sandbox/standin/main.py"
VERSIONS = {"azurerm": "4.55.0", "google": "6.50.0"}
HEAD = """
terraform {
  required_providers {
    azurerm = { source = "hashicorp/azurerm", version = "4.55.0" }
    google  = { source = "hashicorp/google", version = "6.50.0" }
  }
}
provider "azurerm" {
  features {}
}
provider "google" {
  project        = "skyvend-sandbox-1"
  region         = "europe-west1"
  default_labels = { team = "blue" }
}
"""
SUBSCRIPTION = "5a5a5a5a-0000-4000-8000-5c7e5d0000aa"
SIGNED_IN = {
    "ARM_TENANT_ID": "5a5a5a5a-0000-4000-8000-5c7e5d000001",
    "ARM_SUBSCRIPTION_ID": SUBSCRIPTION,
    "ARM_CLIENT_ID": "5a5a5a5a-0000-4000-8000-5c7e5d0000bb",
    "ARM_CLIENT_SECRET": "a-secret",
}


class Workspace:
    """A folder with a configuration, and Terraform in it."""

    def __init__(self, folder: Path, mirror: Path, environment: dict[str, str]) -> None:
        self.folder, self.mirror = folder, mirror
        kept = {name: os.environ[name] for name in ("PATH", "HOME", "TMPDIR") if name in os.environ}
        self.environment = {**kept, "CHECKPOINT_DISABLE": "1", "TF_IN_AUTOMATION": "1", **environment}

    def write(self, text: str, *, head: str = HEAD) -> None:
        (self.folder / "main.tf").write_text(head + text)
        if not (self.folder / ".terraform").exists():
            assert self.run("init", f"-plugin-dir={self.mirror}").returncode == 0

    def start(self, *arguments: str) -> subprocess.Popen[str]:
        command = [terraform(), arguments[0], "-no-color", *arguments[1:]]
        pipe = subprocess.PIPE
        return subprocess.Popen(
            command, cwd=self.folder, env=self.environment, stdout=pipe, stderr=subprocess.STDOUT, text=True
        )

    def run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        process = self.start(*arguments)
        output, _ = process.communicate(timeout=120)
        return subprocess.CompletedProcess(arguments, process.returncode, one_line(output))

    def apply(self, text: str | None = None) -> subprocess.CompletedProcess[str]:
        if text is not None:
            self.write(text)
        return self.run("apply", "-auto-approve")

    def plan_code(self) -> int:
        """0: nothing to do, 2: there are changes, 1: failed."""
        return self.run("plan", "-detailed-exitcode").returncode

    def forget(self) -> None:
        """Lose the state, keep the objects."""
        (self.folder / "terraform.tfstate").unlink()

    def state(self, address: str) -> dict[str, Any] | None:
        """The recorded values of one resource; `tainted` tells whether it must be replaced."""
        shown = json.loads(
            subprocess.check_output([terraform(), "show", "-json"], cwd=self.folder, env=self.environment)
        )
        resources = shown.get("values", {}).get("root_module", {}).get("resources", [])
        found = [item for item in resources if item["address"] == address]
        return {"tainted": found[0].get("tainted", False), **found[0]["values"]} if found else None


def one_line(output: str) -> str:
    """Terraform's boxes and line breaks taken out, so that sentences can be compared."""
    return " ".join(output.replace("│", " ").replace("╷", " ").replace("╵", " ").split())


def terraform() -> str:
    found = shutil.which("terraform")
    if found is None:
        pytest.skip("Terraform is not installed")
    return found


@pytest.fixture(scope="session")
def mirror(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("mirror")
    for name, version in VERSIONS.items():
        platform = folder / f"registry.terraform.io/hashicorp/{name}/{version}/linux_amd64"
        platform.mkdir(parents=True)
        launcher = platform / f"terraform-provider-{name}_v{version}"
        launcher.write_text(f"#!/bin/sh\nexec {sys.executable} -I {MAIN} {name}\n")
        launcher.chmod(0o755)
    return folder


@pytest.fixture
def cloud() -> Iterator[FakeCloud]:
    fake = FakeCloud()
    yield fake
    fake.shutdown()
    fake.server_close()


@pytest.fixture
def workspace(tmp_path: Path, mirror: Path, cloud: FakeCloud, google_key: str) -> Workspace:
    folder = tmp_path / "w"
    folder.mkdir()
    key = json.loads(google_key) | {"token_uri": f"{cloud.endpoint}/token"}
    environment = {**SIGNED_IN, "GOOGLE_CREDENTIALS": json.dumps(key), "SKYVEND_SIMULATED_CLOUD": cloud.endpoint}
    return Workspace(folder, mirror, environment)


@pytest.fixture(scope="session")
def google_key() -> str:
    """A service account key as Google hands it out; its token_uri is set where it is used."""
    from cryptography.hazmat.primitives import serialization
    from cryptography.hazmat.primitives.asymmetric import rsa

    key = rsa.generate_private_key(65537, 2048)
    pem = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    return json.dumps(
        {
            "type": "service_account",
            "project_id": "skyvend-sandbox-1",
            "private_key_id": "k1",
            "private_key": pem.decode(),
            "client_email": "robot@skyvend-sandbox-1.iam.gserviceaccount.com",
        }
    )


@pytest.fixture
def write_files(workspace: Workspace) -> Callable[[dict[str, str]], None]:
    def write(files: dict[str, str]) -> None:
        for name, text in files.items():
            (workspace.folder / name).write_text(text)

    return write
