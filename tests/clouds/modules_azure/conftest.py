"""Azure's modules under the real Terraform, with the stand-in provider, against a simulated Azure."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from django.conf import settings

from provisioning.terraform import binary
from tests.clouds.standin_terraform import Terraform, lay_out_mirror, maker
from tests.plugin import SimulatedCloud

MODULES = settings.TERRAFORM_MODULES / "azure"


@pytest.fixture(scope="session")
def engine() -> Path:
    try:
        return binary.find(configured=settings.TERRAFORM_BINARY, data=settings.DATA).path
    except binary.NoEngine as error:
        pytest.skip(str(error))


@pytest.fixture(scope="session")
def azure_mirror(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return lay_out_mirror(tmp_path_factory.mktemp("mirror"), "azurerm")


@pytest.fixture
def module(
    engine: Path, azure_mirror: Path, tmp_path: Path, azure_cloud: SimulatedCloud
) -> Iterator[Callable[[str], Terraform]]:
    variables = {f"ARM_{key.upper()}": value for key, value in azure_cloud.credentials.items()}
    variables["SKYVEND_SIMULATED_CLOUD"] = azure_cloud.endpoint
    yield from maker(engine, azure_mirror, MODULES, tmp_path, variables)
