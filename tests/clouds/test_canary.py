"""A planted secret goes through every door there is and must not be seen behind any."""

from __future__ import annotations

import logging
from collections.abc import Iterator

import pytest
from moto import mock_aws

from accounts.models import AuditEvent
from clouds import services
from clouds.models import CloudAccount
from clouds.providers import get_adapter

from .conftest import CREDENTIALS, SECRET


@pytest.fixture
def moto_inside() -> Iterator[None]:
    get_adapter.cache_clear()
    with mock_aws():
        yield


def test_a_secret_is_in_no_log_line_answer_or_audit_event(tenant, api, sign_in, moto_inside, caplog, capfd):
    """With the real adapter and every logger at DEBUG, botocore's included."""
    body = {"name": "production", "provider": "aws", "credentials": CREDENTIALS, "default_region": "eu-west-1"}
    for name in ("botocore", "boto3", "urllib3", "django", ""):
        logging.getLogger(name).setLevel(logging.DEBUG)
    try:
        with caplog.at_level(logging.DEBUG):
            answers = [api(tenant.admin).post("/api/v1/cloud-accounts", body)]
            account = CloudAccount.objects.get()
            one = f"/api/v1/cloud-accounts/{account.pk}"
            answers.append(api(tenant.admin).post(f"{one}/verify"))
            answers.append(api(tenant.admin).post("/api/v1/cloud-accounts", {**body, "name": ""}))
            answers.append(sign_in(tenant.admin).get(f"/cloud-accounts/{account.pk}/"))
            services.runner_environment(cloud_account_id=account.pk, region="eu-west-1")
            services.tagged_objects(cloud_account_id=account.pk, region="eu-west-1", tags={"skyvend-run": "r"})
    finally:
        for name in ("botocore", "boto3", "urllib3", "django"):
            logging.getLogger(name).setLevel(logging.WARNING)
    assert [answer.status_code for answer in answers] == [201, 200, 400, 200]
    printed = capfd.readouterr()
    written = [*(answer.content.decode() for answer in answers), caplog.text, printed.out, printed.err]
    written += [f"{event} {event.data}" for event in AuditEvent.objects.all()]
    assert not [text for text in written if SECRET in text]


def test_exceptions_do_not_hold_it(account, tenant, actor_for, settings):
    settings.FERNET_KEYS = ["another key"]
    with pytest.raises(services.CredentialsUnreadable) as raised:
        services.verify_account(actor=actor_for(tenant.admin), account=account)
    assert SECRET not in str(raised.value) + repr(raised.value)
    assert raised.value.__suppress_context__
