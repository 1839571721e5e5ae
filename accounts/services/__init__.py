"""Every write of this app: verbs with keyword-only arguments, atomic, audited, returning the row."""

from .exceptions import (
    AlreadyInvited,
    AlreadyMember,
    EmailTaken,
    InvitationClosed,
    LastOwner,
    NoMemberAnyMore,
    Refused,
    RoleTooHigh,
    WrongEmail,
)
from .invitations import accept_invitation, change_invited_role, invite, resend_invitation, revoke_invitation
from .members import change_role, leave_organization, remove_member
from .organizations import (
    create_organization,
    register,
    reinstate_organization,
    suspend_organization,
    switch_organization,
)
from .profiles import rename_user
from .sessions import Session, SessionEnded, end_session, renew_session, start_session
from .tokens import issue_token, revoke_token

__all__ = [
    "AlreadyInvited",
    "AlreadyMember",
    "EmailTaken",
    "InvitationClosed",
    "LastOwner",
    "NoMemberAnyMore",
    "Refused",
    "RoleTooHigh",
    "Session",
    "SessionEnded",
    "WrongEmail",
    "accept_invitation",
    "change_invited_role",
    "change_role",
    "create_organization",
    "end_session",
    "invite",
    "issue_token",
    "leave_organization",
    "register",
    "reinstate_organization",
    "remove_member",
    "rename_user",
    "renew_session",
    "resend_invitation",
    "revoke_invitation",
    "revoke_token",
    "start_session",
    "suspend_organization",
    "switch_organization",
]
