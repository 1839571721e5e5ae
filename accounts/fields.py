"""Fields whose column holds ciphertext only.

Built on ``fernet_fields`` (django-fernet-fields-v2). This layer closes its holes: only literal values are
encrypted and everything the database would compute is refused, serializers, forms and fixtures see a placeholder,
lookups by value are refused, and values are not adapted to another type on the way. Keys are
``settings.FERNET_KEYS``: the first one encrypts, all decrypt; a value no key fits raises ``InvalidToken``.

A loaded model instance holds the plain value: never cache, pickle or log one. Querysets that pages read from
``defer()`` sealed columns.
"""

from __future__ import annotations

import functools
import json
from typing import Any, NoReturn, cast

from cryptography.fernet import Fernet, MultiFernet
from django.conf import settings
from django.core.exceptions import FieldError, ValidationError
from django.core.serializers.json import DjangoJSONEncoder
from django.db import models
from django.db.models.functions import Cast
from fernet_fields import EncryptedTextField
from fernet_fields.hkdf import derive_fernet_key

PLACEHOLDER = "**sealed**"


def cipher_of(keys: list[str] | tuple[str, ...]) -> MultiFernet:
    """The cipher of these keys as they stand in ``FERNET_KEYS``: the first encrypts, all decrypt."""
    return _cipher(tuple(keys), getattr(settings, "FERNET_USE_HKDF", True))


@functools.lru_cache(maxsize=16)
def _cipher(keys: tuple[str, ...], derives: bool) -> MultiFernet:
    return MultiFernet([Fernet(derive_fernet_key(key) if derives else key) for key in keys])


class SealedTextField(EncryptedTextField):  # type: ignore[misc]  # the package has no types
    """Text that is encrypted at rest. Cannot be looked up by value and never leaves through a serializer or form."""

    @property
    def fernet(self) -> MultiFernet:
        # Not cached on the field, as the package does it: keys may change under a running process (tests do it).
        return cipher_of(settings.FERNET_KEYS)

    def get_db_prep_save(self, value: Any, connection: Any) -> Any:
        if hasattr(value, "as_sql"):
            self._require_literals(value)
            return value  # the literals inside come back here one by one
        if value is None:
            return None
        if value == PLACEHOLDER:
            raise ValueError(f"{self.name}: the placeholder of a sealed value is not a value")
        return super().get_db_prep_save(self._to_text(value), connection)

    def get_db_prep_value(self, value: Any, connection: Any, prepared: bool = False) -> Any:
        return value

    def get_lookup(self, lookup_name: str) -> Any:
        if lookup_name != "isnull":
            raise FieldError(f"{self.name} is sealed: it cannot be looked up by value")
        return super().get_lookup(lookup_name)

    def get_transform(self, lookup_name: str) -> NoReturn:
        raise FieldError(f"{self.name} is sealed: the database cannot transform it ({lookup_name})")

    def value_from_object(self, obj: models.Model) -> str | None:
        """What serializers, ``dumpdata`` and ``model_to_dict`` see."""
        return None if getattr(obj, self.attname) is None else PLACEHOLDER

    def value_to_string(self, obj: models.Model) -> str:
        return PLACEHOLDER

    def formfield(self, **kwargs: Any) -> None:
        """No form field: a form made from the model could only show the secret or overwrite it."""

    def to_python(self, value: Any) -> Any:
        if value == PLACEHOLDER:  # loaddata of what dumpdata wrote: the secret is not in there
            raise ValidationError("A sealed value cannot be restored from a fixture; restore a database backup.")
        return value

    def _to_text(self, value: Any) -> str:
        if not isinstance(value, str):
            raise TypeError(f"{self.name} holds text, not {type(value).__name__}")
        return value

    def _require_literals(self, expression: Any) -> None:
        """Refuse what is not made of this field's own literal values, as ``bulk_update()`` makes it.

        Anything else would be stored as plain text (a ``Value`` of another field) or as the encryption of the
        expression's name.
        """
        match expression:
            case models.Case():
                literals = [*expression.cases, expression.default]
            case models.When():
                literals = [expression.result]
            case Cast():
                literals = expression.get_source_expressions()
            case models.Value() if expression.value is None or _field_of(expression) == self:
                literals = []
            case _:
                raise FieldError(f"{self.name} is sealed: it cannot be computed by the database")
        for literal in literals:
            self._require_literals(literal)


class SealedJSONField(SealedTextField):
    """JSON that is encrypted at rest as one text, its keys included."""

    def from_db_value(self, value: Any, expression: Any, connection: Any, *args: Any) -> Any:
        text = super().from_db_value(value, expression, connection, *args)
        return None if text is None else json.loads(text)

    def _to_text(self, value: Any) -> str:
        return json.dumps(value, cls=DjangoJSONEncoder)


def _field_of(value: models.Value) -> models.Field[Any, Any] | None:
    """The field a literal was made for, or what Django guesses for a bare one (text), or None."""
    # ``output_field`` raises where there is none; the stubs do not know the name that does not
    return cast("models.Field[Any, Any] | None", getattr(value, "_output_field_or_none"))  # noqa: B009
