"""Google's modules under the real Terraform, with the stand-in provider, against a simulated Google Cloud."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from django.conf import settings

from clouds.providers import gcp_credentials
from provisioning.terraform import binary
from tests.clouds.standin_terraform import Terraform, lay_out_mirror, maker
from tests.plugin import SimulatedCloud

MODULES = settings.TERRAFORM_MODULES / "gcp"


@pytest.fixture(scope="session")
def engine() -> Path:
    try:
        return binary.find(configured=settings.TERRAFORM_BINARY, data=settings.DATA).path
    except binary.NoEngine as error:
        pytest.skip(str(error))


@pytest.fixture(scope="session")
def google_mirror(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return lay_out_mirror(tmp_path_factory.mktemp("mirror"), "google")


@pytest.fixture
def module(
    engine: Path, google_mirror: Path, tmp_path: Path, gcp_cloud: SimulatedCloud
) -> Iterator[Callable[[str], Terraform]]:
    key = gcp_credentials.for_terraform(gcp_cloud.credentials, gcp_cloud.endpoint)
    variables = {
        "GOOGLE_CREDENTIALS": json.dumps(key),
        "GOOGLE_PROJECT": key["project_id"],
        "SKYVEND_SIMULATED_CLOUD": gcp_cloud.endpoint,
    }
    yield from maker(engine, google_mirror, MODULES, tmp_path, variables)
