"""Fields whose column holds ciphertext only.

Built on ``fernet_fields`` (django-fernet-fields-v2). This layer closes its holes: expressions are refused
instead of being encrypted as text, serialisers and fixtures see a placeholder, and values are not adapted
to another type on the way. Keys are ``settings.FERNET_KEYS``; the first one encrypts, all decrypt.
"""

import json
from typing import Any

from django.core.exceptions import FieldError
from django.core.serializers.json import DjangoJSONEncoder
from django.db import models
from fernet_fields import EncryptedTextField

PLACEHOLDER = "**sealed**"


class SealedTextField(EncryptedTextField):  # type: ignore[misc]
    """Text that is encrypted at rest. Cannot be looked up by value and never leaves through ``dumpdata``."""

    def get_db_prep_save(self, value: Any, connection: Any) -> Any:
        # bulk_update() wraps values in Case(When(Value)) whose inner values come back here one by one
        if hasattr(value, "as_sql"):
            if isinstance(value, models.F) or not _holds_plain_values(value):
                raise FieldError(f"{self.name} is sealed: it cannot be computed by the database")
            return value
        return super().get_db_prep_save(value, connection)

    def get_db_prep_value(self, value: Any, connection: Any, prepared: bool = False) -> Any:
        return value

    def value_to_string(self, obj: models.Model) -> str:
        return PLACEHOLDER


class SealedJSONField(SealedTextField):
    """JSON that is encrypted at rest as one text."""

    def get_db_prep_save(self, value: Any, connection: Any) -> Any:
        if value is not None and not hasattr(value, "as_sql"):
            value = json.dumps(value, cls=DjangoJSONEncoder)
        return super().get_db_prep_save(value, connection)

    def from_db_value(self, value: Any, expression: Any, connection: Any, *args: Any) -> Any:
        text = super().from_db_value(value, expression, connection, *args)
        return None if text is None else json.loads(text)

    def to_python(self, value: Any) -> Any:
        return value


def _holds_plain_values(expression: Any) -> bool:
    """Whether an expression is made of literal values only, as ``bulk_update()`` builds it."""
    if isinstance(expression, models.Value):
        return True
    sources = [source for source in expression.get_source_expressions() if source is not None]
    return bool(sources) and all(
        isinstance(source, models.Q) or getattr(source, "conditional", False) or _holds_plain_values(source)
        for source in sources
    )
