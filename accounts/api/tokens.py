from __future__ import annotations

from django.db.models import QuerySet
from drf_spectacular.utils import extend_schema
from rest_framework import mixins
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.viewsets import GenericViewSet

from accounts import services
from accounts.actors import actor_of
from accounts.models import ApiToken, Right, Role

from .refusals import translated
from .serializers import IssuedTokenSerializer, IssueTokenSerializer, TokenSerializer


class TokenViewSet(
    mixins.ListModelMixin, mixins.RetrieveModelMixin, mixins.DestroyModelMixin, GenericViewSet[ApiToken]
):
    """The organization's API tokens. Deleting one revokes it; it stays in the list."""

    queryset = ApiToken.objects.select_related("user")
    serializer_class = TokenSerializer
    filterset_fields = ("role", "name")
    ordering_fields = ("created_at", "name", "expires_at", "last_used_at")
    rights = dict.fromkeys(("GET", "POST", "DELETE"), Right.MANAGE)

    def get_queryset(self) -> QuerySet[ApiToken]:
        return ApiToken.objects.visible_to(actor_of(self.request)).select_related("user", "organization")

    @extend_schema(request=IssueTokenSerializer, responses={201: IssuedTokenSerializer})
    def create(self, request: Request) -> Response:
        """Issue a token. Only this answer holds its secret."""
        form = IssueTokenSerializer(data=request.data)
        form.is_valid(raise_exception=True)
        with translated():
            token, secret = services.issue_token(
                actor=actor_of(request),
                name=form.validated_data["name"],
                role=Role(form.validated_data["role"]),
                expires_at=form.validated_data["expires_at"],
            )
        return Response({**TokenSerializer(token).data, "token": secret}, 201)

    def perform_destroy(self, instance: ApiToken) -> None:
        with translated():
            services.revoke_token(actor=actor_of(self.request), token=instance)
