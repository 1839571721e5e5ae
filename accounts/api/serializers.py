"""What the API says about people, organizations, tokens and the audit trail."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from accounts.models import ApiToken, AuditEvent, Invitation, Membership, Organization, Role, User

from .fields import ChoiceField


class UserSerializer(serializers.ModelSerializer[User]):
    class Meta:
        model = User
        fields = ["id", "email", "name"]
        read_only_fields = fields


class OrganizationSerializer(serializers.ModelSerializer[Organization]):
    is_suspended = serializers.BooleanField(read_only=True)

    class Meta:
        model = Organization
        fields = ["id", "name", "slug", "is_suspended", "created_at"]
        read_only_fields = fields


class OwnOrganizationSerializer(OrganizationSerializer):
    """One of the caller's organizations, with what they are in it."""

    role = serializers.ChoiceField(Role.choices, read_only=True)

    class Meta(OrganizationSerializer.Meta):
        fields = [*OrganizationSerializer.Meta.fields, "role"]
        read_only_fields = fields


class MeSerializer(serializers.Serializer[Any]):
    user = UserSerializer()
    organizations = OwnOrganizationSerializer(many=True)


class RegistrationSerializer(serializers.Serializer[Any]):
    email = serializers.EmailField(max_length=254)
    password = serializers.CharField(max_length=128, write_only=True, trim_whitespace=False)
    organization = serializers.CharField(max_length=120, help_text="Name of the organization to create.")


class RegisteredSerializer(serializers.Serializer[Any]):
    user = UserSerializer()
    organization = OrganizationSerializer()


class LoginSerializer(serializers.Serializer[Any]):
    email = serializers.CharField(max_length=254)
    password = serializers.CharField(max_length=128, write_only=True, trim_whitespace=False)


class RefreshSerializer(serializers.Serializer[Any]):
    refresh = serializers.CharField(max_length=4096, write_only=True)


class SessionSerializer(serializers.Serializer[Any]):
    access = serializers.CharField(help_text="Send it as `Authorization: Bearer <access>`; it works for minutes.")
    refresh = serializers.CharField(help_text="Exchange it at `/auth/refresh` for a new pair; it works once.")


class MembershipSerializer(serializers.ModelSerializer[Membership]):
    user = UserSerializer(read_only=True)

    class Meta:
        model = Membership
        fields = ["id", "user", "role", "created_at"]
        read_only_fields = ["id", "created_at"]


class RoleSerializer(serializers.Serializer[Any]):
    role = ChoiceField(Role.choices)


class InviteSerializer(RoleSerializer):
    email = serializers.EmailField(max_length=254)
    role = ChoiceField(Role.choices, default=Role.MEMBER)


class InvitationSerializer(serializers.ModelSerializer[Invitation]):
    invited_by = serializers.EmailField(source="invited_by.email", read_only=True)
    is_open = serializers.BooleanField(read_only=True)

    class Meta:
        model = Invitation
        fields = [
            "id",
            "email",
            "role",
            "invited_by",
            "is_open",
            "created_at",
            "expires_at",
            "accepted_at",
            "revoked_at",
        ]
        read_only_fields = fields


class AcceptSerializer(serializers.Serializer[Any]):
    secret = serializers.CharField(max_length=200, write_only=True, help_text="The last part of the invitation's link.")


class TokenSerializer(serializers.ModelSerializer[ApiToken]):
    user = serializers.EmailField(source="user.email", read_only=True)

    class Meta:
        model = ApiToken
        fields = ["id", "name", "role", "prefix", "user", "created_at", "expires_at", "last_used_at", "revoked_at"]
        read_only_fields = fields


class IssueTokenSerializer(serializers.Serializer[Any]):
    name = serializers.CharField(max_length=100)
    role = ChoiceField(Role.choices, default=Role.MEMBER)
    expires_at = serializers.DateTimeField(allow_null=True, default=None, help_text="Empty: it does not expire.")


class IssuedTokenSerializer(TokenSerializer):
    """A token just issued: the only answer that holds its secret."""

    token = serializers.CharField(read_only=True, help_text="The secret. It is not kept: store it now.")

    class Meta(TokenSerializer.Meta):
        fields = [*TokenSerializer.Meta.fields, "token"]
        read_only_fields = fields


class AuditEventSerializer(serializers.ModelSerializer[AuditEvent]):
    actor = serializers.CharField(source="actor_label", read_only=True)

    class Meta:
        model = AuditEvent
        fields = [
            "id",
            "created_at",
            "actor",
            "action",
            "target_type",
            "target_id",
            "target_label",
            "data",
            "ip",
            "user_agent",
            "request_id",
        ]
        read_only_fields = fields
