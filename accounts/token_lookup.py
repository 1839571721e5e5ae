"""Finding an API token: the query that every call of a program begins with.

Written as SQL because it is on the path of every order: building the same query with the ORM took a sixth of an
order's time in the web process (py-spy, 2026-11-23). The columns come from the models: a new field needs nothing here.
"""

from __future__ import annotations

from functools import cache

from django.db import connection, models
from django.utils import timezone

from .models import ApiToken, Membership, Organization, User

PARTS: tuple[tuple[str, type[models.Model]], ...] = (("token", ApiToken), ("person", User), ("tenant", Organization))


def live_token(digest: str) -> tuple[ApiToken, str] | None:
    """The token with this digest, with its user and organization, and the user's role there today. One query.

    None when it is unknown, revoked or expired, or its user was deactivated or has left the organization.
    """
    with connection.cursor() as cursor:
        cursor.execute(_query(), {"digest": digest, "now": timezone.now()})
        row = cursor.fetchone()
    if row is None:
        return None
    found, position = {}, 0
    for name, model in PARTS:
        fields = columns_of(model)
        found[name] = model.from_db(
            "default", [attribute for attribute, _ in fields], row[position : position + len(fields)]
        )
        position += len(fields)
    token: ApiToken = found["token"]  # type: ignore[assignment]
    token.user, token.organization = found["person"], found["tenant"]  # type: ignore[assignment]
    return token, row[position]


@cache
def columns_of(model: type[models.Model]) -> list[tuple[str, str]]:
    """(attribute, column) of each of the model's own fields."""
    return [(field.attname, field.column or field.attname) for field in model._meta.concrete_fields]  # noqa: SLF001  - public by custom


@cache
def _query() -> str:
    quote = connection.ops.quote_name
    columns = [f"{name}.{quote(column)}" for name, model in PARTS for _, column in columns_of(model)]
    owners = (ApiToken, User, Organization, Membership)
    table = {model: quote(model._meta.db_table) for model in owners}  # noqa: SLF001  - public by custom
    return f"""
        SELECT {", ".join(columns)}, membership.role
        FROM {table[ApiToken]} token
        JOIN {table[User]} person ON person.id = token.user_id AND person.is_active
        JOIN {table[Organization]} tenant ON tenant.id = token.organization_id
        JOIN {table[Membership]} membership
          ON membership.user_id = token.user_id AND membership.organization_id = token.organization_id
        WHERE token.digest = %(digest)s AND token.revoked_at IS NULL
          AND (token.expires_at IS NULL OR token.expires_at > %(now)s)
    """  # noqa: S608  - table and column names of our own models; what is given goes in as parameters
