from collections.abc import Callable
from datetime import timedelta
from itertools import product
from types import SimpleNamespace

import pytest
from django.core.exceptions import PermissionDenied, ValidationError
from django.utils import timezone

from accounts import services
from accounts.actors import Actor
from accounts.credentials import digest_of
from accounts.models import ApiToken, AuditEvent, Role

pytestmark = pytest.mark.django_db
ActorFor = Callable[..., Actor]
MAY_ISSUE = {Role.OWNER: set(Role), Role.ADMIN: {Role.ADMIN, Role.MEMBER, Role.VIEWER}}


def test_a_token_is_shown_once_and_kept_as_a_digest(tenant: SimpleNamespace, actor_for: ActorFor) -> None:
    token, secret = services.issue_token(actor=actor_for(tenant.owner), name="ci", role=Role.MEMBER, expires_at=None)
    assert secret.startswith("sky_")
    assert len(secret) == 47
    assert (token.digest, token.prefix) == (digest_of(secret), secret[:12])
    assert secret not in str(ApiToken.objects.values().get())
    event = AuditEvent.objects.get()
    assert (event.action, event.organization) == ("token.issue", tenant.organization)
    assert secret not in str(event.__dict__)


@pytest.mark.parametrize(("by", "role"), list(product(Role, Role)))
def test_a_token_never_gets_a_role_above_its_issuers(
    tenant: SimpleNamespace, actor_for: ActorFor, by: Role, role: Role
) -> None:
    try:
        services.issue_token(actor=actor_for(getattr(tenant, by)), name="ci", role=role, expires_at=None)
    except (PermissionDenied, services.RoleTooHigh):
        assert role not in MAY_ISSUE.get(by, set())
    else:
        assert role in MAY_ISSUE[by]


def test_an_expiry_that_has_passed_and_an_empty_name_are_refused(tenant: SimpleNamespace, actor_for: ActorFor) -> None:
    actor, past = actor_for(tenant.owner), timezone.now() - timedelta(seconds=1)
    with pytest.raises(ValidationError, match="expires_at"):
        services.issue_token(actor=actor, name="ci", role=Role.MEMBER, expires_at=past)
    with pytest.raises(ValidationError, match="name"):
        services.issue_token(actor=actor, name=" ", role=Role.MEMBER, expires_at=None)


def test_revoking_is_audited_once(tenant: SimpleNamespace, actor_for: ActorFor) -> None:
    actor = actor_for(tenant.owner)
    token, _ = services.issue_token(actor=actor, name="ci", role=Role.MEMBER, expires_at=None)
    first = services.revoke_token(actor=actor, token=token)
    second = services.revoke_token(actor=actor, token=token)
    assert first.revoked_at == second.revoked_at
    assert AuditEvent.objects.filter(action="token.revoke").count() == 1


def test_an_admin_does_not_revoke_an_owners_token(tenant: SimpleNamespace, actor_for: ActorFor) -> None:
    token, _ = services.issue_token(actor=actor_for(tenant.owner), name="ci", role=Role.OWNER, expires_at=None)
    with pytest.raises(services.RoleTooHigh):
        services.revoke_token(actor=actor_for(tenant.admin), token=token)
