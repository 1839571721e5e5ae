from enum import StrEnum

from django.db import models


class Right(StrEnum):
    """What somebody may do in an organization. One predicate (``Role.allows``) answers for pages, API and sockets."""

    VIEW = "view"  # read everything but secrets
    ORDER = "order"  # create, change and destroy resources; read sensitive outputs
    MANAGE = "manage"  # cloud accounts, people, tokens, audit
    OWN = "own"  # make and unmake owners


class Role(models.TextChoices):
    OWNER = "owner", "Owner"
    ADMIN = "admin", "Admin"
    MEMBER = "member", "Member"
    VIEWER = "viewer", "Viewer"

    def allows(self, right: Right) -> bool:
        return right in RIGHTS[self]

    def is_at_most(self, other: "Role") -> bool:
        """Whether this role grants nothing that ``other`` does not."""
        return RIGHTS[self] <= RIGHTS[other]


RIGHTS: dict[Role, frozenset[Right]] = {
    Role.OWNER: frozenset(Right),
    Role.ADMIN: frozenset({Right.VIEW, Right.ORDER, Right.MANAGE}),
    Role.MEMBER: frozenset({Right.VIEW, Right.ORDER}),
    Role.VIEWER: frozenset({Right.VIEW}),
}
