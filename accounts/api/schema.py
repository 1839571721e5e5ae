"""What the OpenAPI document says beyond the serializers: who may come in, and which problems may come back."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from drf_spectacular.extensions import OpenApiAuthenticationExtension
from drf_spectacular.openapi import AutoSchema
from drf_spectacular.utils import OpenApiResponse
from rest_framework import serializers
from rest_framework.permissions import SAFE_METHODS, AllowAny

from .authentication import ORGANIZATION_HEADER
from .problems import MEDIA_TYPE

PROBLEMS = {
    "400": "The input is not valid.",
    "401": "Nobody is signed in, or the token is not valid.",
    "402": "The credit left does not cover this (insufficient_credit), or a budget forbids it (budget_exceeded).",
    "403": "The role does not allow this.",
    "404": "There is no such thing, or it is not yours.",
    "409": "This does not fit the present state.",
    "415": "The body is not application/json.",
    "429": "Too many requests: wait for the seconds in Retry-After.",
    "503": "A cloud or a part of the platform cannot be reached; try again.",
}


class ProblemErrorSerializer(serializers.Serializer[Any]):
    field = serializers.CharField(help_text='Dotted path of the field; "" is the input as a whole.')
    code = serializers.CharField()
    detail = serializers.CharField()


class ProblemSerializer(serializers.Serializer[Any]):
    """RFC 9457 problem document."""

    type = serializers.CharField()
    title = serializers.CharField()
    status = serializers.IntegerField()
    detail = serializers.CharField()
    code = serializers.CharField(help_text="Names the problem for programs.")
    errors = ProblemErrorSerializer(many=True, required=False)  # type: ignore[assignment]
    request_id = serializers.CharField(required=False)


class ProblemAutoSchema(AutoSchema):
    """Adds the problem responses that any view may give to those it declares itself."""

    def _get_response_bodies(self, direction: str = "response") -> dict[str, Any]:
        responses: dict[str, Any] = super()._get_response_bodies(direction)  # type: ignore[arg-type]
        for status in self._problem_statuses():
            if status not in responses:
                responses[status] = self._problem(status, direction)
        return dict(sorted(responses.items()))

    def _problem_statuses(self) -> list[str]:
        statuses = ["400", "404", "429"]
        if not self._is_public():
            statuses += ["401", "403"]
        if self.method not in SAFE_METHODS:
            statuses += ["409"]
        if self.method in {"POST", "PUT", "PATCH"}:
            statuses += ["415"]
        return statuses

    def _problem(self, status: str, direction: str) -> dict[str, Any]:
        response: dict[str, Any] = self._get_response_for_code(ProblemSerializer, status, [MEDIA_TYPE], direction)  # type: ignore[no-untyped-call]
        return {**response, "description": PROBLEMS[status]}

    def _is_public(self) -> bool:
        return AllowAny in getattr(self.view, "permission_classes", [])


def problems(*statuses: int) -> dict[Any, OpenApiResponse]:
    """Problem responses for ``extend_schema(responses={...})``, beyond those every view documents by itself."""
    return {
        (status, MEDIA_TYPE): OpenApiResponse(ProblemSerializer, description=PROBLEMS[str(status)])
        for status in statuses
    }


class ApiTokenScheme(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]
    target_class = "accounts.api.authentication.ApiTokenAuthentication"
    name = "apiToken"

    def get_security_definition(self, auto_schema: AutoSchema) -> dict[str, Any]:
        return {
            "type": "apiKey",
            "in": "header",
            "name": "Authorization",
            "description": "`Token sky_...`: an API token of one organization.",
        }


class JWTScheme(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]
    target_class = "accounts.api.authentication.JWTAuthentication"
    name = "jwt"

    def get_security_definition(self, auto_schema: AutoSchema) -> dict[str, Any]:
        return {
            "type": "http",
            "scheme": "bearer",
            "bearerFormat": "JWT",
            "description": f"From `/auth/login`. If you are in several organizations: `{ORGANIZATION_HEADER}: <slug>`.",
        }


class SessionScheme(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]
    target_class = "accounts.api.authentication.SessionAuthentication"
    name = "session"

    def get_security_definition(self, auto_schema: AutoSchema) -> dict[str, Any]:
        return {"type": "apiKey", "in": "cookie", "name": settings.SESSION_COOKIE_NAME}
