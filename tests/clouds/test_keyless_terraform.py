"""The real Terraform signs in to the simulated AWS without a key, as a run does."""

from __future__ import annotations

import uuid
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings as configured

from clouds import services
from clouds.issuer import Purpose
from clouds.models import CloudAccount
from clouds.providers import get_adapter
from provisioning.terraform import binary

from .test_modules import REGION, TAGS, Terraform, client, engine, providers

__all__ = ["engine", "providers"]
pytestmark = pytest.mark.django_db
ROLE = "arn:aws:iam::123456789012:role/skyvend"


@pytest.fixture
def account_by(tenant: Any, actor_for: Any, settings: Any, moto: str) -> Any:
    settings.SANDBOX_AWS_ENDPOINT = moto
    get_adapter.cache_clear()

    def make(method: str) -> CloudAccount:
        return services.connect_account(
            actor=actor_for(tenant.admin), provider="aws", name=method, credentials={"method": method, "role_arn": ROLE}
        )

    return make


@pytest.mark.parametrize("method", ["oidc", "assume_role"])
def test_a_bucket_is_made_and_destroyed_with_nothing_but_a_role(
    method: str, account_by: Any, engine: binary.Binary, providers: Path, tmp_path: Path, moto: str
) -> None:
    purpose = Purpose(resource_id=uuid.uuid4(), run_id=uuid.uuid4())
    environment = services.runner_environment(cloud_account_id=account_by(method).pk, region=REGION, purpose=purpose)
    module = configured.TERRAFORM_MODULES / "aws/bucket/1.0.1"
    terraform = Terraform(engine, providers, module, tmp_path / "bucket", moto)
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        del terraform.environment[name]
    terraform.environment |= environment.variables
    for name, text in {**environment.files, **environment.secret_files}.items():
        (terraform.directory / name).write_text(text)
    s3, bucket = client("s3", moto), f"keyless-{purpose.resource_id.hex[:8]}"

    outputs = terraform.apply(name="keyless", unique_suffix=purpose.resource_id.hex[:8], region=REGION, tags=TAGS)

    assert outputs["name"] == bucket
    assert bucket in [each["Name"] for each in s3.list_buckets()["Buckets"]]
    terraform.destroy()
    assert bucket not in [each["Name"] for each in s3.list_buckets()["Buckets"]]


def test_without_the_token_the_same_terraform_gets_nowhere(
    account_by: Any, engine: binary.Binary, providers: Path, tmp_path: Path, moto: str
) -> None:
    environment = services.runner_environment(cloud_account_id=account_by("oidc").pk, region=REGION)
    module = configured.TERRAFORM_MODULES / "aws/bucket/1.0.1"
    terraform = Terraform(engine, providers, module, tmp_path / "bucket", moto)
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        del terraform.environment[name]
    terraform.environment |= environment.variables
    (terraform.directory / "terraform.tfvars.json").write_text(
        f'{{"name": "none", "unique_suffix": "0a1b2c3d", "region": "{REGION}"}}'
    )
    terraform("plan", "-input=false", expected=1)
