from __future__ import annotations

import threading
from io import StringIO

import pytest
from cryptography.fernet import InvalidToken
from django.core.management import CommandError, call_command
from django.db import close_old_connections, connection, transaction

from accounts.models import Organization
from clouds.management.commands import rotate_keys
from clouds.models import CloudAccount, Provider

OLD, NEW = "the old key", "the new key"


def make_accounts(count: int) -> list[CloudAccount]:
    organization, _ = Organization.objects.get_or_create(name="Acme", slug="acme")
    start = CloudAccount.objects.count()
    return [
        CloudAccount.objects.create(
            organization=organization, provider=Provider.AWS, name=f"a{n}", credentials={"secret_access_key": f"s{n}"}
        )
        for n in range(start, start + count)
    ]


def run(**options: object) -> str:
    out = StringIO()
    call_command("rotate_keys", stdout=out, **options)
    return out.getvalue()


def secrets_in_order() -> list[dict[str, str]]:
    return list(CloudAccount.objects.order_by("name").values_list("credentials", flat=True))


def test_every_sealed_field_of_every_app_is_known():
    assert {str(column) for column in rotate_keys.sealed_columns()} == {
        "billing.Channel.address",
        "billing.Channel.previous_secret",
        "billing.Channel.secret",
        "clouds.CloudAccount.credentials",
        "clouds.SigningKey.private_key",
        "provisioning.Resource.sealed_outputs",
        "provisioning.StateVersion.body",
    }


def test_after_it_the_old_key_is_not_needed(db, settings):
    settings.FERNET_KEYS = [OLD]
    make_accounts(5)
    settings.FERNET_KEYS = [NEW, OLD]
    assert run(batch_size=2).startswith("5 values re-encrypted")
    settings.FERNET_KEYS = [NEW]
    assert secrets_in_order() == [{"secret_access_key": f"s{n}"} for n in range(5)]
    settings.FERNET_KEYS = [OLD]
    with pytest.raises(InvalidToken):
        secrets_in_order()


def test_a_second_run_changes_nothing(db, settings):
    settings.FERNET_KEYS = [OLD]
    make_accounts(3)
    settings.FERNET_KEYS = [NEW, OLD]
    run()
    stored = stored_tokens()
    assert run().startswith("0 values re-encrypted")
    assert stored_tokens() == stored


def test_an_interrupted_run_is_taken_up_again(db, settings, monkeypatch):
    settings.FERNET_KEYS = [OLD]
    make_accounts(6)
    settings.FERNET_KEYS = [NEW, OLD]
    write, calls = rotate_keys.Column.write, []

    def write_and_break(column: rotate_keys.Column, changes: list) -> None:
        calls.append(changes)
        if len(calls) == 2:
            raise KeyboardInterrupt
        write(column, changes)

    monkeypatch.setattr(rotate_keys.Column, "write", write_and_break)
    with pytest.raises(KeyboardInterrupt):
        run(batch_size=2)
    monkeypatch.setattr(rotate_keys.Column, "write", write)
    assert secrets_in_order() == [{"secret_access_key": f"s{n}"} for n in range(6)]
    assert run(batch_size=2).startswith("4 values re-encrypted")
    settings.FERNET_KEYS = [NEW]
    assert len(secrets_in_order()) == 6


def test_rows_that_no_key_opens_are_named_and_the_rest_is_rotated(db, settings):
    settings.FERNET_KEYS = ["a key that was lost"]
    lost = make_accounts(1)[0]
    settings.FERNET_KEYS = [OLD]
    make_accounts(2)
    settings.FERNET_KEYS = [NEW, OLD]
    with pytest.raises(CommandError, match=str(lost.pk)) as raised:
        run()
    assert "2 values re-encrypted, but 1 open with none" in str(raised.value)
    settings.FERNET_KEYS = [NEW]
    assert CloudAccount.objects.exclude(pk=lost.pk).order_by("name")[1].credentials == {"secret_access_key": "s2"}


def test_what_is_written_under_the_old_key_meanwhile_is_found(db, settings, monkeypatch):
    settings.FERNET_KEYS = [OLD]
    make_accounts(2)
    settings.FERNET_KEYS = [NEW, OLD]
    rotate_all, passes = rotate_keys.rotate_all, []

    def rotate_then_old_process_writes(*args: object, **options: object) -> rotate_keys.Tally:
        tally = rotate_all(*args, **options)
        if not passes:
            settings.FERNET_KEYS = [OLD]
            make_accounts(1)
            settings.FERNET_KEYS = [NEW, OLD]
        passes.append(tally.rotated)
        return tally

    monkeypatch.setattr(rotate_keys, "rotate_all", rotate_then_old_process_writes)
    run()
    assert passes == [2, 1, 0]
    settings.FERNET_KEYS = [NEW]
    assert len(secrets_in_order()) == 3


def test_it_waits_for_a_writer_and_keeps_what_it_wrote(transactional_db, settings):
    settings.FERNET_KEYS = [OLD]
    account = make_accounts(1)[0]
    settings.FERNET_KEYS = [NEW, OLD]
    has_written, may_commit = threading.Event(), threading.Event()

    def writer() -> None:
        with transaction.atomic():
            CloudAccount.objects.filter(pk=account.pk).update(credentials={"secret_access_key": "newer"})
            has_written.set()
            may_commit.wait(10)
        close_old_connections()
        connection.close()

    thread = threading.Thread(target=writer)
    thread.start()
    assert has_written.wait(10)
    threading.Timer(0.3, may_commit.set).start()
    run()
    thread.join(10)
    assert secrets_in_order() == [{"secret_access_key": "newer"}]


def stored_tokens() -> list[bytes]:
    column = next(each for each in rotate_keys.sealed_columns() if each.model is CloudAccount)
    return [bytes(token) for token in column.rows().order_by("pk").values_list("token", flat=True)]
