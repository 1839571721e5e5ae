"""Sealed fields: the holes of django-fernet-fields, one test each. A throw-away table has one column of each kind."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from io import StringIO
from typing import Any

import pytest
from asgiref.sync import async_to_sync
from cryptography.fernet import InvalidToken
from django.core import serializers
from django.core.exceptions import FieldError
from django.core.management import call_command
from django.core.serializers.base import DeserializationError
from django.db import connection, models, transaction
from django.db.models import BinaryField, F, Value
from django.db.models.functions import Cast, Concat, Upper
from django.forms import modelform_factory
from django.forms.models import model_to_dict
from django.test.utils import isolate_apps
from rest_framework.serializers import ModelSerializer

from accounts.fields import PLACEHOLDER, SealedJSONField, SealedTextField
from accounts.models import Organization
from clouds.models import CloudAccount, Provider

SECRET = "the planted secret"


@pytest.fixture
def note(db: None) -> Iterator[Any]:
    """A model ``Note`` with a table of its own, gone after the test."""
    with isolate_apps("accounts"):

        class Note(models.Model):  # noqa: DJ008  - a table for one test
            name = models.CharField(max_length=40)
            text = SealedTextField(null=True)
            other = SealedTextField(null=True)
            data = SealedJSONField(null=True)

            class Meta:
                app_label = "accounts"

        with connection.schema_editor() as editor:
            editor.create_model(Note)
        yield Note


def column(row: models.Model, name: str) -> bytes | None:
    """What the database holds, undecrypted."""
    rows = type(row)._default_manager.filter(pk=row.pk)
    stored = rows.annotate(stored=Cast(name, BinaryField())).values_list("stored", flat=True).get()
    return None if stored is None else bytes(stored)


@contextmanager
def refused() -> Iterator[None]:
    """What is inside must be refused; the test's transaction goes on."""
    with pytest.raises(FieldError), transaction.atomic():
        yield


def test_column_holds_ciphertext(note):
    row = note.objects.create(text=SECRET, data={"key": SECRET})
    for name in ("text", "data"):
        stored = column(row, name)
        assert stored.startswith(b"gAAAA")
        assert SECRET.encode() not in stored
        assert b"key" not in stored


def test_encrypting_twice_gives_different_ciphertexts(note):
    first, second = note.objects.create(text=SECRET), note.objects.create(text=SECRET)
    assert column(first, "text") != column(second, "text")


@pytest.mark.parametrize("text", ["", "0", "ünïcödé 🔑", "a\x00b", "x" * 100_000])
def test_text_comes_back_as_it_was(note, text):
    row = note.objects.create(text=text)
    assert note.objects.get(pk=row.pk).text == text


@pytest.mark.parametrize("data", [{}, [], 0, False, "", "text", 1.5, {"a": {"b": [None, True, "ü\x00"]}}])
def test_json_comes_back_as_it_was(note, data):
    row = note.objects.create(data=data)
    stored = note.objects.get(pk=row.pk).data
    assert stored == data
    assert type(stored) is type(data)


def test_none_is_null(note):
    row = note.objects.create(text=None, data=None)
    assert note.objects.filter(text__isnull=True, data__isnull=True).get() == row
    assert column(row, "text") is None
    fresh = note.objects.get(pk=row.pk)
    assert (fresh.text, fresh.data) == (None, None)


def test_bulk_create_encrypts_each_row(note):
    rows = note.objects.bulk_create([note(text=f"{SECRET} {n}", data={"n": n}) for n in range(3)])
    assert [row.text for row in note.objects.order_by("pk")] == [f"{SECRET} {n}" for n in range(3)]
    assert [row.data for row in note.objects.order_by("pk")] == [{"n": n} for n in range(3)]
    assert all(column(row, "text").startswith(b"gAAAA") for row in rows)


def test_bulk_create_with_conflicts_updates_the_ciphertext(note):
    row = note.objects.create(text="old", data=[1])
    note.objects.bulk_create(
        [note(pk=row.pk, text="new", data=[2])],
        update_conflicts=True,
        unique_fields=["id"],
        update_fields=["text", "data"],
    )
    fresh = note.objects.get()
    assert (fresh.text, fresh.data) == ("new", [2])


def test_bulk_update_encrypts_the_values_and_not_the_expression(note):
    rows = note.objects.bulk_create([note(text="old", data=[]) for _ in range(3)])
    for n, row in enumerate(rows):
        row.text, row.data = f"new {n}", {"n": n}
    rows[2].text = rows[2].data = None
    note.objects.bulk_update(rows, ["text", "data"])
    fresh = list(note.objects.order_by("pk"))
    assert [row.text for row in fresh] == ["new 0", "new 1", None]
    assert [row.data for row in fresh] == [{"n": 0}, {"n": 1}, None]
    assert column(rows[0], "text").startswith(b"gAAAA")


def test_update_encrypts(note):
    row = note.objects.create(text="old", data=[])
    note.objects.update(text="new", data={"new": 1})
    fresh = note.objects.get()
    assert (fresh.text, fresh.data) == ("new", {"new": 1})
    assert column(row, "text").startswith(b"gAAAA")
    note.objects.update(text=None)
    assert note.objects.get().text is None


def test_update_or_create_and_get_or_create_encrypt(note):
    note.objects.update_or_create(name="a", defaults={"text": "one", "data": [1]})
    row, created = note.objects.update_or_create(name="a", defaults={"text": "two", "data": [2]})
    assert not created
    assert (note.objects.get().text, note.objects.get().data) == ("two", [2])
    assert column(row, "text").startswith(b"gAAAA")
    row, _ = note.objects.get_or_create(name="b", defaults={"text": "three"})
    assert note.objects.get(name="b").text == "three"


def test_save_of_some_fields_encrypts(note):
    row = note.objects.create(name="a", text="old")
    row.text = "new"
    row.save(update_fields=["text"])
    assert note.objects.get().text == "new"


@pytest.mark.parametrize(
    "expression",
    [
        F("text"),
        F("name"),
        Value("plain"),
        Value("plain", output_field=models.TextField()),
        Concat(F("name"), Value("x")),
        Upper(Value("plain")),
        Cast(Value("plain"), BinaryField()),
        models.Case(models.When(pk=1, then=Value("plain")), default=Value(None)),
        models.Case(models.When(pk=1, then=F("name")), default=Value(None)),
    ],
    ids=str,
)
@pytest.mark.parametrize("name", ["other", "data"])
def test_what_the_database_would_compute_is_refused(note, name, expression):
    note.objects.create(name="plain", text="old", other="old", data="old")
    with refused():
        note.objects.update(**{name: expression})
    assert getattr(note.objects.get(), name) == "old"


def test_expressions_are_refused_in_bulk_update_and_create(note):
    row = note.objects.create(name="plain", text="old")
    row.text = F("name")
    with refused():
        note.objects.bulk_update([row], ["text"])
    with refused():
        note.objects.create(text=Value("plain"))
    with refused():
        note.objects.bulk_create([note(text=Value("plain")), note(text=Upper(Value("plain")))])
    assert [each.text for each in note.objects.all()] == ["old"]


def test_text_refuses_what_is_not_text(note):
    for value in (5, b"bytes", {"a": 1}, object()):
        with pytest.raises(TypeError):
            note.objects.create(text=value)


@pytest.mark.parametrize(
    "lookup",
    ["text", "text__exact", "text__in", "text__contains", "text__gt", "text__iexact", "text__regex", "text__length",
     "data", "data__key", "data__contains", "data__has_key"],
)  # fmt: skip
def test_lookups_by_value_are_refused(note, lookup):
    note.objects.create(text=SECRET, data={"key": SECRET})
    value = [SECRET] if lookup.endswith("__in") else SECRET
    with pytest.raises(FieldError):
        note.objects.filter(**{lookup: value}).exists()
    with pytest.raises(FieldError):
        note.objects.exclude(**{lookup: value}).exists()


def test_get_or_create_by_a_sealed_value_is_refused(note):
    with pytest.raises(FieldError):
        note.objects.get_or_create(text=SECRET)


def test_serializers_see_the_placeholder(note):
    note.objects.create(text=SECRET, data={"key": SECRET})
    note.objects.create(text=None, data=5)
    for format_ in ("json", "jsonl", "python", "xml"):
        written = str(serializers.serialize(format_, note.objects.order_by("pk")))
        assert SECRET not in written
        assert PLACEHOLDER in written
    first, second = json.loads(serializers.serialize("json", note.objects.order_by("pk")))
    assert first["fields"] == {"name": "", "text": PLACEHOLDER, "other": None, "data": PLACEHOLDER}
    assert second["fields"]["data"] == PLACEHOLDER


def test_model_to_dict_and_model_forms_see_the_placeholder(note):
    row = note.objects.create(name="a", text=SECRET, data={"key": SECRET})
    assert model_to_dict(row) == {"id": row.pk, "name": "a", "text": PLACEHOLDER, "other": None, "data": PLACEHOLDER}
    form = modelform_factory(note, fields="__all__")
    assert list(form.base_fields) == ["name"]
    assert SECRET not in str(form(instance=row))


def test_placeholder_is_never_stored(note):
    row = note.objects.create(name="a", text=SECRET, data={"key": SECRET})
    with pytest.raises(ValueError, match="placeholder"):
        note.objects.create(**{**model_to_dict(row), "id": None})
    with pytest.raises(ValueError, match="placeholder"):
        note.objects.update(data=PLACEHOLDER)


def make_account() -> CloudAccount:
    organization = Organization.objects.create(name="Acme", slug="acme")
    return CloudAccount.objects.create(
        organization=organization, provider=Provider.AWS, name="main", credentials={"secret_access_key": SECRET}
    )


def test_dumpdata_holds_the_placeholder_and_loaddata_refuses_it(db, tmp_path):
    account = make_account()
    out = StringIO()
    call_command("dumpdata", "clouds.CloudAccount", stdout=out)
    assert SECRET not in out.getvalue()
    assert json.loads(out.getvalue())[0]["fields"]["credentials"] == PLACEHOLDER
    fixture = tmp_path / "accounts.json"
    fixture.write_text(out.getvalue())
    with pytest.raises(DeserializationError, match="cannot be restored from a fixture"):
        call_command("loaddata", str(fixture), verbosity=0)
    assert CloudAccount.objects.get(pk=account.pk).credentials == {"secret_access_key": SECRET}


def test_a_rest_serializer_cannot_take_it_in_by_accident(note):
    class NoteSerializer(ModelSerializer):
        class Meta:
            model = note
            fields = ["name"]

    row = note.objects.create(name="a", text=SECRET)
    assert NoteSerializer(row).data == {"name": "a"}


def test_repr_and_str_of_a_row_do_not_hold_it(db):
    account = make_account()
    assert SECRET not in repr(account) + str(account) + repr(CloudAccount.objects.all())


def test_wrong_key_raises(note, settings):
    settings.FERNET_KEYS = ["first"]
    note.objects.create(name="a", text=SECRET)
    settings.FERNET_KEYS = ["another"]
    with pytest.raises(InvalidToken):
        note.objects.get()
    assert note.objects.defer("text").get().name == "a"


def test_tampered_ciphertext_raises(note):
    row = note.objects.create(text=SECRET)
    stored = bytearray(column(row, "text"))
    stored[40] = stored[40] ^ 1
    with connection.cursor() as cursor:
        cursor.execute(f"UPDATE {note._meta.db_table} SET text = %s", [bytes(stored)])  # noqa: S608
    with pytest.raises(InvalidToken):
        note.objects.get()


def test_keys_rotate_while_the_process_runs(note, settings):
    settings.FERNET_KEYS = ["old"]
    row = note.objects.create(text=SECRET, data=[SECRET])
    settings.FERNET_KEYS = ["new", "old"]
    row = note.objects.get(pk=row.pk)
    assert (row.text, row.data) == (SECRET, [SECRET])
    row.save()
    settings.FERNET_KEYS = ["new"]
    assert note.objects.get().text == SECRET


def test_deferred_column_is_not_decrypted(note, settings):
    note.objects.create(name="a", text=SECRET)
    settings.FERNET_KEYS = ["another"]
    assert list(note.objects.values_list("name")) == [("a",)]


def test_async_orm_encrypts(note):
    async def write_and_read() -> str:
        await note.objects.acreate(text=SECRET)
        return (await note.objects.aget()).text

    assert async_to_sync(write_and_read)() == SECRET
