"""A run in a key-less account finds a token of its own in its folder, and nobody finds it in the log."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import jwt
import pytest

from accounts.models import Organization
from clouds import issuer
from provisioning import execution
from provisioning.execution import claim_next
from provisioning.models import Run, RunEvent, RunStatus, StateVersion
from provisioning.terraform.redaction import MASK

from .engine import make_account, make_resource, make_run, make_version, make_worker, modules, running

__all__ = ["modules"]
pytestmark = pytest.mark.django_db(transaction=True)
SHOW = 'echo "it says $(cat $AWS_WEB_IDENTITY_TOKEN_FILE) for $AWS_ROLE_SESSION_NAME and ${AWS_ACCESS_KEY_ID:-no key}"'


def test_a_run_signs_in_with_a_token_for_itself_that_its_log_does_not_show(
    modules: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    minted: list[str] = []
    mint = issuer.mint

    def noted(*arguments: Any, **named: Any) -> str:
        minted.append(mint(*arguments, **named))
        return minted[-1]

    monkeypatch.setattr(issuer, "mint", noted)
    organization = Organization.objects.create(name="Acme", slug="acme")
    role = {"method": "oidc", "role_arn": "arn:aws:iam::111122223333:role/skyvend"}
    account = make_account(organization, credentials=role, credential_method="oidc")
    run = make_run(make_resource(make_version(modules, running(SHOW)), account))
    worker = make_worker()

    execution.execute(claim_next(worker.row.pk), worker)  # type: ignore[arg-type]

    done = Run.objects.get(pk=run.pk)
    assert (done.error, done.status) == (None, RunStatus.SUCCEEDED)
    (token,) = minted
    claims = jwt.decode(token, options={"verify_signature": False})
    assert claims["sub"] == f"organization:{organization.pk}:account:{account.pk}:resource:{run.resource_id}"
    assert claims["run"] == str(run.pk)
    log = "\n".join(f"{event.message} {event.data}" for event in RunEvent.objects.filter(run=run))
    assert f"it says {MASK} for skyvend-{run.pk} and no key" in log
    kept = log + StateVersion.objects.get(resource=run.resource).body
    assert token.rpartition(".")[2] not in kept
