from __future__ import annotations

from collections.abc import Callable, Iterator
from decimal import Decimal
from types import SimpleNamespace

import pytest

from accounts.models import Organization
from clouds import providers
from clouds.models import CloudAccount, Offering, OfferingVersion
from provisioning.models import Resource

from . import fake_aws, shelf

KEY_ID = "AKIAIOSFODNN7EXAMPLE"
SECRET = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYCANARYKEY0"
CREDENTIALS = {"access_key_id": KEY_ID, "secret_access_key": SECRET}
NEW_CREDENTIALS = {"access_key_id": "AKIANEWNEWNEWNEW0NEW", "secret_access_key": "n" * 40}


@pytest.fixture
def vm(db: None) -> OfferingVersion:
    """The catalogue's machine, loaded."""
    return shelf.load()["aws/vm"]


@pytest.fixture
def bucket(db: None) -> OfferingVersion:
    """The catalogue's bucket, loaded."""
    return shelf.load()["aws/bucket"]


@pytest.fixture
def cloud(monkeypatch: pytest.MonkeyPatch) -> Iterator[fake_aws.Cloud]:
    """AWS replaced by one that accepts everything until told otherwise."""
    monkeypatch.setitem(providers.ADAPTERS, "aws", fake_aws.__name__)
    monkeypatch.setattr(fake_aws, "cloud", fake_aws.Cloud())
    providers.get_adapter.cache_clear()
    yield fake_aws.cloud
    providers.get_adapter.cache_clear()


@pytest.fixture
def account_in(db: None) -> Callable[..., CloudAccount]:
    """A connected account of an organization, as pages load it: its credentials deferred."""

    def make(organization: Organization, name: str = "production", **fields: object) -> CloudAccount:
        values = {
            "provider": "aws",
            "credentials": CREDENTIALS,
            "credential_hint": "AKIA…MPLE",
            "status": "verified",
            "identity": "arn:aws:iam::123456789012:user/skyvend",
            **fields,
        }
        created = CloudAccount.objects.create(organization=organization, name=name, **values)
        return CloudAccount.objects.defer("credentials").get(pk=created.pk)

    return make


@pytest.fixture
def account(tenant: SimpleNamespace, account_in: Callable[..., CloudAccount]) -> CloudAccount:
    return account_in(tenant.organization)


@pytest.fixture
def make_resource(tenant: SimpleNamespace, account: CloudAccount) -> Callable[..., Resource]:
    """A resource on ``account``, of an offering that is on the shelf."""
    offering = Offering.objects.create(id="aws/bucket", provider="aws", kind="bucket")
    version = OfferingVersion.objects.create(
        offering=offering,
        version="1.0.0",
        content_hash="x",
        title="Bucket",
        schema={},
        manifest={"permissions": ["s3:CreateBucket"], "optional_permissions": ["s3:PutBucketTagging"]},
    )
    Offering.objects.update(current=version)

    def make(name: str, status: str = "active") -> Resource:
        return Resource.objects.create(
            organization=tenant.organization, name=name, offering_version=version, cloud_account=account,
            provider="aws", kind="bucket", region="eu-west-1", inputs={}, status=status,
            hourly_cost=Decimal(1), monthly_cost=Decimal(730),
        )  # fmt: skip

    return make
