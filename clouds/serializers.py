"""Cloud accounts in the API. Credentials go in and never come out."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from accounts.api.fields import ChoiceField

from .models import CloudAccount, Provider


class CloudAccountSerializer(serializers.ModelSerializer[CloudAccount]):
    class Meta:
        model = CloudAccount
        fields = [
            "id",
            "name",
            "provider",
            "default_region",
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

    missing_permissions = serializers.ListField(child=serializers.CharField(), read_only=True)
    unchecked_permissions = serializers.ListField(
        child=serializers.CharField(), read_only=True, help_text="The cloud gave no way to tell."
    )


@extend_schema_field(
    {
        "type": "object",
        "writeOnly": True,
        "additionalProperties": {"type": "string"},
        "example": {"access_key_id": "AKIA...", "secret_access_key": "..."},
        "description": "aws: access_key_id, secret_access_key, and session_token for temporary keys.",
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


class ChangeSerializer(serializers.Serializer[CloudAccount]):
    """Only what is given changes. New credentials must belong to the same account of the cloud."""

    name = serializers.CharField(max_length=80, required=False)
    credentials = CredentialsField(required=False)
    default_region = serializers.CharField(max_length=40, allow_blank=True, required=False)
