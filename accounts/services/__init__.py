"""Every write of this app: verbs with keyword-only arguments, atomic, audited, returning the row."""

from .exceptions import (
    AlreadyInvited,
    AlreadyMember,
    EmailTaken,
    InvitationClosed,
    LastOwner,
    Refused,
    RoleTooHigh,
    WrongEmail,
)
from .invitations import accept_invitation, invite, resend_invitation, revoke_invitation
from .members import change_role, leave_organization, remove_member
from .organizations import (
    create_organization,
    register,
    reinstate_organization,
    suspend_organization,
    switch_organization,
)
from .tokens import issue_token, revoke_token

__all__ = [
    "AlreadyInvited",
    "AlreadyMember",
    "EmailTaken",
    "InvitationClosed",
    "LastOwner",
    "Refused",
    "RoleTooHigh",
    "WrongEmail",
    "accept_invitation",
    "change_role",
    "create_organization",
    "invite",
    "issue_token",
    "leave_organization",
    "register",
    "reinstate_organization",
    "remove_member",
    "resend_invitation",
    "revoke_invitation",
    "revoke_token",
    "suspend_organization",
    "switch_organization",
]
