"""Cloud accounts in the API. Credentials go in and never come out."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from accounts.api.fields import ChoiceField

from .credentials import METHODS, OIDC, method_of
from .models import CloudAccount, Provider
from .trust import Trust


class CloudAccountSerializer(serializers.ModelSerializer[CloudAccount]):
    class Meta:
        model = CloudAccount
        fields = [
            "id",
            "name",
            "provider",
            "default_region",
            "credential_method",
            "credential_hint",
            "is_sandbox",
            "status",
            "status_detail",
            "identity",
            "missing_permissions",
            "unchecked_permissions",
            "checked_at",
            "created_at",
        ]
        read_only_fields = fields

    credential_method = serializers.SerializerMethodField(help_text="How the platform is let in: `keys`, `oidc`, ...")
    missing_permissions = serializers.ListField(child=serializers.CharField(), read_only=True)
    unchecked_permissions = serializers.ListField(
        child=serializers.CharField(), read_only=True, help_text="The cloud gave no way to tell."
    )

    def get_credential_method(self, account: CloudAccount) -> str:
        return method_of(account.provider, account.credential_method).name


def _described() -> str:
    """Every provider's methods and their entries, for the API's documentation."""
    lines = ["An object of names and texts. `method` may be left out for the first of a provider's methods.", ""]
    for provider, methods in METHODS.items():
        for method in methods:
            names = [f"`{spec.name}`" + ("" if spec.is_required else " (optional)") for spec in method.fields]
            lines.append(f"- {provider}, `{method.name}` ({method.label}): {', '.join(names)}")
    lines += ["", "For key-less methods ask `GET /cloud-accounts/trust` first, and send its `draft` along."]
    return "\n".join(lines)


@extend_schema_field(
    {
        "type": "object",
        "writeOnly": True,
        "additionalProperties": {"type": "string"},
        "example": {"method": "keys", "access_key_id": "AKIA...", "secret_access_key": "..."},
        "description": _described(),
    }
)
class CredentialsField(serializers.JSONField):
    """Taken as it is; ``clouds.credentials`` judges it, without quoting it."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(write_only=True, **kwargs)


class ConnectSerializer(serializers.Serializer[CloudAccount]):
    name = serializers.CharField(max_length=80)
    provider = ChoiceField(choices=Provider.choices)
    credentials = CredentialsField()
    default_region = serializers.CharField(max_length=40, allow_blank=True, default="")
    draft = serializers.CharField(
        max_length=400,
        allow_blank=True,
        default="",
        help_text="From `GET /cloud-accounts/trust`: makes its id this one.",
    )


class ChangeSerializer(serializers.Serializer[CloudAccount]):
    """Only what is given changes. New credentials must belong to the same account of the cloud."""

    name = serializers.CharField(max_length=80, required=False)
    credentials = CredentialsField(required=False)
    default_region = serializers.CharField(max_length=40, allow_blank=True, required=False)


class TrustQuerySerializer(serializers.Serializer[Trust]):
    """What is to be trusted; a ``draft`` asks for the same one again."""

    provider = ChoiceField(choices=Provider.choices, default=Provider.AWS)
    method = serializers.CharField(max_length=24, default=OIDC)
    draft = serializers.CharField(max_length=400, default="", allow_blank=True)


class MethodQuerySerializer(serializers.Serializer[Trust]):
    method = serializers.CharField(
        max_length=24,
        default="",
        allow_blank=True,
        help_text="Empty: the account's own, if it is key-less, else `oidc`.",
    )


class TrustSerializer(serializers.Serializer[Trust]):
    issuer = serializers.CharField(help_text="Whose tokens the cloud must trust; empty where the method has none.")
    subject = serializers.CharField(help_text="The tokens' subject; with `*` at its end, how it begins.")
    audience = serializers.CharField()
    external_id = serializers.CharField(help_text="`sts:ExternalId` of a role to assume, else empty.")
    policy = serializers.CharField(help_text="The document to paste, in the cloud's own words.")
    commands = serializers.CharField(help_text="Commands of the cloud's own tool that put it to work.")


class DraftSerializer(TrustSerializer):
    draft = serializers.CharField(help_text="Send it with `POST /cloud-accounts` within 30 days.")
