"""Who the caller is, who else is in the organization, and who is invited."""

from __future__ import annotations

from typing import Any

from django.db.models import QuerySet
from drf_spectacular.utils import extend_schema
from rest_framework import mixins
from rest_framework.decorators import action
from rest_framework.exceptions import NotAuthenticated
from rest_framework.permissions import IsAuthenticated
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView
from rest_framework.viewsets import GenericViewSet

from accounts import services
from accounts.actors import actor_of
from accounts.models import ApiToken, Invitation, Membership, Organization, Right, Role, User
from accounts.origins import meta_of

from .authentication import http_request
from .refusals import translated
from .serializers import (
    AcceptSerializer,
    InvitationSerializer,
    InviteSerializer,
    MembershipSerializer,
    MeSerializer,
    RoleSerializer,
)


class MeView(APIView):
    permission_classes = (IsAuthenticated,)

    @extend_schema(responses=MeSerializer)
    def get(self, request: Request) -> Response:
        """The caller, and the organizations they may work in with the role they have there."""
        return Response(MeSerializer({"user": request.user, "organizations": _own_organizations(request)}).data)


class MemberViewSet(
    mixins.ListModelMixin, mixins.RetrieveModelMixin, mixins.DestroyModelMixin, GenericViewSet[Membership]
):
    """The people of the organization. Adding one means inviting them: the answer is the invitation."""

    queryset = Membership.objects.select_related("user", "organization")
    serializer_class = MembershipSerializer
    filterset_fields = ("role", "user__email")
    ordering_fields = ("created_at", "role", "user__email")
    rights = {"POST": Right.MANAGE, "PATCH": Right.MANAGE, "DELETE": Right.VIEW}  # everybody may leave

    def get_queryset(self) -> QuerySet[Membership]:
        return Membership.objects.visible_to(actor_of(self.request)).select_related("user", "organization")

    @extend_schema(request=InviteSerializer, responses={201: InvitationSerializer})
    def create(self, request: Request) -> Response:
        return invite(request)

    @extend_schema(request=RoleSerializer, responses={200: MembershipSerializer})
    def partial_update(self, request: Request, pk: str) -> Response:
        membership = self.get_object()
        form = RoleSerializer(data=request.data)
        form.is_valid(raise_exception=True)
        with translated():
            changed = services.change_role(
                actor=actor_of(request), membership=membership, role=Role(form.validated_data["role"])
            )
        return Response(MembershipSerializer(changed).data)

    def perform_destroy(self, instance: Membership) -> None:
        with translated():
            services.remove_member(actor=actor_of(self.request), membership=instance)


class InvitationViewSet(
    mixins.ListModelMixin, mixins.RetrieveModelMixin, mixins.DestroyModelMixin, GenericViewSet[Invitation]
):
    queryset = Invitation.objects.select_related("invited_by")
    serializer_class = InvitationSerializer
    filterset_fields = ("email", "role")
    ordering_fields = ("created_at", "expires_at", "email")
    rights = {"POST": Right.MANAGE, "PATCH": Right.MANAGE, "DELETE": Right.MANAGE}

    def get_queryset(self) -> QuerySet[Invitation]:
        return Invitation.objects.visible_to(actor_of(self.request)).select_related("invited_by", "organization")

    @extend_schema(request=InviteSerializer, responses={201: InvitationSerializer})
    def create(self, request: Request) -> Response:
        return invite(request)

    @extend_schema(request=RoleSerializer, responses={200: InvitationSerializer})
    def partial_update(self, request: Request, pk: str) -> Response:
        invitation = self.get_object()
        form = RoleSerializer(data=request.data)
        form.is_valid(raise_exception=True)
        with translated():
            changed = services.change_invited_role(
                actor=actor_of(request), invitation=invitation, role=Role(form.validated_data["role"])
            )
        return Response(InvitationSerializer(changed).data)

    def perform_destroy(self, instance: Invitation) -> None:
        with translated():
            services.revoke_invitation(actor=actor_of(self.request), invitation=instance)

    @extend_schema(request=None, responses={200: InvitationSerializer})
    @action(detail=True, methods=["post"])
    def resend(self, request: Request, pk: str) -> Response:
        """Mail a new link; the old one stops working."""
        with translated():
            invitation = services.resend_invitation(actor=actor_of(request), invitation=self.get_object())
        return Response(InvitationSerializer(invitation).data)

    @extend_schema(request=AcceptSerializer, responses={200: MembershipSerializer})
    @action(detail=False, methods=["post"], permission_classes=[IsAuthenticated])
    def accept(self, request: Request) -> Response:
        """Become a member by the secret of an invitation to the caller's address."""
        form = AcceptSerializer(data=request.data)
        form.is_valid(raise_exception=True)
        if isinstance(request.auth, ApiToken):
            self.permission_denied(request, "A token belongs to one organization: sign in as a person to join another.")
        with translated():
            membership = services.accept_invitation(
                user=person(request), secret=form.validated_data["secret"], request_meta=meta_of(http_request(request))
            )
        return Response(MembershipSerializer(membership).data)


def person(request: Request) -> User:
    """The caller behind ``IsAuthenticated``."""
    if not isinstance(request.user, User):
        raise NotAuthenticated
    return request.user


def invite(request: Request) -> Response:
    """Invite somebody by mail."""
    form = InviteSerializer(data=request.data)
    form.is_valid(raise_exception=True)
    with translated():
        invitation = services.invite(
            actor=actor_of(request), email=form.validated_data["email"], role=Role(form.validated_data["role"])
        )
    return Response(InvitationSerializer(invitation).data, 201)


def _own_organizations(request: Request) -> list[dict[str, Any]]:
    if isinstance(request.auth, ApiToken):
        actor = actor_of(request)
        return [_with_role(actor.tenant, actor.role)]
    memberships = person(request).memberships.select_related("organization").order_by("created_at", "id")
    return [_with_role(membership.organization, membership.role) for membership in memberships]


def _with_role(organization: Organization, role: str | None) -> dict[str, Any]:
    return {
        "id": organization.pk,
        "name": organization.name,
        "slug": organization.slug,
        "is_suspended": organization.is_suspended,
        "created_at": organization.created_at,
        "role": role,
    }
