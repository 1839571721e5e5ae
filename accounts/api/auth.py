"""Signing up, in and out over the API."""

from __future__ import annotations

from smtplib import SMTPException

import structlog
from allauth.account.adapter import get_adapter
from allauth.account.app_settings import EMAIL_VERIFICATION, RATE_LIMITS
from allauth.account.models import EmailAddress
from allauth.core.internal.ratelimit import parse_rates
from allauth.core.ratelimit import consume
from django.core.exceptions import ValidationError
from django.http import HttpRequest
from drf_spectacular.utils import extend_schema
from rest_framework.permissions import AllowAny
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts import services
from accounts.models import User
from accounts.origins import meta_of

from .authentication import http_request
from .problems import Problem
from .schema import problems
from .serializers import (
    LoginSerializer,
    RefreshSerializer,
    RegisteredSerializer,
    RegistrationSerializer,
    SessionSerializer,
)

log = structlog.get_logger(__name__)
REFUSED = "The e-mail address or the password is wrong."
ENDED = "This refresh token is not valid any more: sign in again."


class PublicView(APIView):
    """For nobody in particular: what the request may already carry to say who it is, is not looked at."""

    authentication_classes = ()
    permission_classes = (AllowAny,)


class RegisterView(PublicView):
    @extend_schema(request=RegistrationSerializer, responses={201: RegisteredSerializer, **problems(403, 409)})
    def post(self, request: Request) -> Response:
        """Create a user and the organization they own."""
        http = http_request(request)
        _limit(http, "signup")
        if not get_adapter().is_open_for_signup(http):
            raise Problem(403, "signup_closed", "Signing up is closed here; ask for an invitation.")
        form = RegistrationSerializer(data=request.data)
        form.is_valid(raise_exception=True)
        try:
            user, organization = services.register(**form.validated_data, request_meta=meta_of(http))
        except services.EmailTaken as error:
            raise Problem(409, "email_taken", str(error)) from error
        _mail_confirmation(http, user)
        return Response(RegisteredSerializer({"user": user, "organization": organization}).data, 201)


class LoginView(PublicView):
    @extend_schema(request=LoginSerializer, responses={200: SessionSerializer, **problems(401, 403)})
    def post(self, request: Request) -> Response:
        """Exchange e-mail and password for an access and a refresh token. Many failures are answered with 429."""
        form = LoginSerializer(data=request.data)
        form.is_valid(raise_exception=True)
        http = http_request(request)
        user = _authenticate(http, **form.validated_data)
        session = services.start_session(user=user, request_meta=meta_of(http))
        return Response(SessionSerializer(session).data)


class RefreshView(PublicView):
    @extend_schema(request=RefreshSerializer, responses={200: SessionSerializer, **problems(401)})
    def post(self, request: Request) -> Response:
        """Exchange a refresh token for a new pair. The old one stops working."""
        form = RefreshSerializer(data=request.data)
        form.is_valid(raise_exception=True)
        try:
            session = services.renew_session(refresh=form.validated_data["refresh"])
        except services.SessionEnded as error:
            raise Problem(401, "token_not_valid", ENDED) from error
        return Response(SessionSerializer(session).data)


class LogoutView(PublicView):
    @extend_schema(request=RefreshSerializer, responses={204: None, **problems(401)})
    def post(self, request: Request) -> Response:
        """End the session of a refresh token."""
        form = RefreshSerializer(data=request.data)
        form.is_valid(raise_exception=True)
        try:
            services.end_session(refresh=form.validated_data["refresh"], request_meta=meta_of(http_request(request)))
        except services.SessionEnded as error:
            raise Problem(401, "token_not_valid", ENDED) from error
        return Response(status=204)


def _authenticate(http: HttpRequest, email: str, password: str) -> User:
    """The user of these credentials, through allauth: its limits count pages and API together."""
    try:
        user = get_adapter().authenticate(http, email=email.strip(), password=password)
    except ValidationError as error:
        raise _too_many("login_failed") from error
    if user is None or not user.is_active:
        raise Problem(401, "bad_credentials", REFUSED)
    if EMAIL_VERIFICATION == "mandatory" and not EmailAddress.objects.filter(user=user, verified=True).exists():
        raise Problem(403, "email_not_verified", "Confirm your e-mail address first: follow the link we mailed you.")
    found: User = user
    return found


def _limit(http: HttpRequest, action: str) -> None:
    if not consume(http, action=action):
        raise _too_many(action)


def _too_many(action: str) -> Problem:
    longest = max(rate.duration for rate in parse_rates(RATE_LIMITS[action]))
    return Problem(429, "too_many_attempts", "Too many attempts. Wait before you try again.", retry_after=longest)


def _mail_confirmation(http: HttpRequest, user: User) -> None:
    if EMAIL_VERIFICATION == "none":
        return
    try:
        EmailAddress.objects.get(user=user).send_confirmation(http, signup=True)
    except (SMTPException, OSError):
        log.exception("confirmation_mail_failed", user_id=str(user.pk))
