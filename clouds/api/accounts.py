"""/cloud-accounts: connect, check, change and remove the keys to a cloud."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from http import HTTPStatus
from typing import Any, ClassVar

from django.db import transaction
from django.db.models import QuerySet
from drf_spectacular.utils import extend_schema, extend_schema_view
from rest_framework import mixins, viewsets
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.routers import SimpleRouter

from accounts.actors import actor_of
from accounts.api.authentication import http_request
from accounts.api.problems import INVALID, Problem
from accounts.api.schema import problems
from accounts.models import Right
from clouds import drafts, services, trust
from clouds.credentials import OIDC, InputProblem, InvalidCredentials
from clouds.models import CloudAccount
from clouds.serializers import (
    ChangeSerializer,
    CloudAccountSerializer,
    ConnectSerializer,
    DraftSerializer,
    MethodQuerySerializer,
    TrustQuerySerializer,
    TrustSerializer,
)

TAGS = ["cloud accounts"]


@contextmanager
def as_problems() -> Iterator[None]:
    """Turn what the services refuse into problem documents."""
    try:
        yield
    except services.InvalidCredentials as error:
        problems = [{"field": each.field, "code": each.code, "detail": each.detail} for each in error.errors]
        raise Problem(HTTPStatus.BAD_REQUEST, "invalid", INVALID, errors=problems) from None
    except services.AccountInUse as error:
        raise Problem(HTTPStatus.CONFLICT, "account_in_use", str(error), extra={"resources": error.names}) from None
    except (services.CredentialsRefused, services.NotPermitted) as error:
        problems = [{"field": "credentials", "code": "refused", "detail": str(error)}]
        raise Problem(HTTPStatus.BAD_REQUEST, "credentials_refused", str(error), errors=problems) from None
    except services.CloudError as error:
        raise Problem(HTTPStatus.SERVICE_UNAVAILABLE, "cloud_unreachable", str(error), retry_after=30) from None


@extend_schema_view(
    list=extend_schema(summary="The organization's cloud accounts", tags=TAGS),
    retrieve=extend_schema(summary="One cloud account", tags=TAGS),
)
class CloudAccountViewSet(mixins.ListModelMixin, mixins.RetrieveModelMixin, viewsets.GenericViewSet[CloudAccount]):
    rights: ClassVar = {"POST": Right.MANAGE, "PATCH": Right.MANAGE, "DELETE": Right.MANAGE}
    serializer_class = CloudAccountSerializer
    queryset = CloudAccount.objects.none()
    lookup_value_regex = "[0-9a-fA-F-]{36}"
    filterset_fields: ClassVar = ["provider", "status", "name"]
    ordering_fields: ClassVar = ["name", "created_at", "checked_at"]
    ordering: ClassVar = ["name"]

    def get_queryset(self) -> QuerySet[CloudAccount]:
        return CloudAccount.objects.visible_to(actor_of(http_request(self.request)))

    @extend_schema(
        summary="Connect a cloud account",
        description="The credentials are checked with the cloud before they are kept, and never come back.",
        request=ConnectSerializer,
        responses={201: CloudAccountSerializer, **problems(503)},
        tags=TAGS,
    )
    def create(self, request: Request) -> Response:
        serializer = ConnectSerializer(data=request.data)
        serializer.is_valid(raise_exception=True)
        with as_problems():
            account = services.connect_account(actor=actor_of(http_request(request)), **serializer.validated_data)
        return Response(CloudAccountSerializer(account).data, HTTPStatus.CREATED)

    @extend_schema(
        summary="Replace credentials, name or default region",
        request=ChangeSerializer,
        responses={200: CloudAccountSerializer, **problems(503)},
        tags=TAGS,
    )
    def partial_update(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        account = self.get_object()
        serializer = ChangeSerializer(data=request.data)
        serializer.is_valid(raise_exception=True)
        with as_problems(), transaction.atomic():
            account = _change(request, account, dict(serializer.validated_data))
        return Response(CloudAccountSerializer(account).data)

    @extend_schema(summary="Remove a cloud account; its cloud objects stay", tags=TAGS, responses={204: None})
    def destroy(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        account = self.get_object()
        with as_problems():
            services.delete_account(actor=actor_of(http_request(request)), account=account)
        return Response(status=HTTPStatus.NO_CONTENT)

    @extend_schema(
        summary="Ask the cloud again who the keys are and what they lack",
        request=None,
        responses={200: CloudAccountSerializer, **problems(503)},
        tags=TAGS,
    )
    @action(detail=True, methods=["post"])
    def verify(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        account = self.get_object()
        with as_problems():
            account = services.verify_account(actor=actor_of(http_request(request)), account=account)
        return Response(CloudAccountSerializer(account).data)

    @extend_schema(
        summary="What a cloud must trust before a new account can be connected without keys",
        operation_id="cloud_accounts_trust_new",
        parameters=[TrustQuerySerializer],
        responses={200: DraftSerializer, **problems(400)},
        filters=False,
        tags=TAGS,
    )
    @action(detail=False, methods=["get"], url_path="trust", url_name="draft", pagination_class=None)
    def draft(self, request: Request) -> Response:
        actor = actor_of(http_request(request))
        actor.require(Right.MANAGE)
        assert actor.organization is not None  # require() lets nobody pass without one
        query = TrustQuerySerializer(data=request.query_params)
        query.is_valid(raise_exception=True)
        with as_problems():
            draft = query.validated_data["draft"] or drafts.new(actor.organization)
            account_id = drafts.account_id(actor.organization, draft)
            provider, method = query.validated_data["provider"], query.validated_data["method"]
            found = _found(trust.trust(provider, method, actor.organization.pk, account_id))
        return Response({**TrustSerializer(found).data, "draft": draft})

    @extend_schema(
        summary="What the cloud must trust of this account",
        parameters=[MethodQuerySerializer],
        responses={200: TrustSerializer, **problems(400)},
        filters=False,
        tags=TAGS,
    )
    @action(detail=True, methods=["get"])
    def trust(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        actor_of(http_request(request)).require(Right.MANAGE)
        account = self.get_object()
        query = MethodQuerySerializer(data=request.query_params)
        query.is_valid(raise_exception=True)
        method = query.validated_data["method"] or account.credential_method or OIDC
        with as_problems():
            found = _found(trust.trust(account.provider, method, account.organization_id, account.pk))
        return Response(TrustSerializer(found).data)


def _found(wanted: trust.Trust | None) -> trust.Trust:
    if wanted is None:
        detail = "This method works with keys: nobody has to be trusted. Key-less are oidc and, for aws, assume_role."
        raise InvalidCredentials([InputProblem("method", "unknown", detail)])
    return wanted


def _change(request: Request, account: CloudAccount, changes: dict[str, Any]) -> CloudAccount:
    """Credentials first: while the cloud is asked no row is locked yet."""
    actor = actor_of(http_request(request))
    if "credentials" in changes:
        credentials = changes.pop("credentials")
        account = services.replace_credentials(actor=actor, account=account, credentials=credentials)
    return services.rename_account(actor=actor, account=account, **changes) if changes else account


router = SimpleRouter(trailing_slash=False)
router.register("cloud-accounts", CloudAccountViewSet, basename="cloud-account")
urlpatterns = router.urls
