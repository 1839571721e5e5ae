"""Who you are: users, organizations (tenants), memberships, invitations, tokens, audit trail."""

from .audit import AuditEvent
from .organizations import Invitation, Membership, Organization
from .roles import Right, Role
from .tokens import ApiToken
from .users import User

__all__ = ["ApiToken", "AuditEvent", "Invitation", "Membership", "Organization", "Right", "Role", "User"]
