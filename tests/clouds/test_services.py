from __future__ import annotations

import logging

import pytest
from django.core.exceptions import PermissionDenied
from django.forms.models import model_to_dict

from accounts.models import AuditEvent
from clouds import sandbox, services
from clouds.models import CloudAccount, CloudAccountStatus
from clouds.providers import CloudObject, CloudUnreachable, CredentialsRefused, NotPermitted

from .conftest import CREDENTIALS, NEW_CREDENTIALS, SECRET


def connect(actor, **changes):
    values = {"provider": "aws", "name": "production", "credentials": CREDENTIALS, "default_region": "eu-west-1"}
    return services.connect_account(actor=actor, **{**values, **changes})


def stored_credentials(account: CloudAccount) -> dict[str, str]:
    return CloudAccount.objects.get(pk=account.pk).credentials


@pytest.fixture
def admin(tenant, actor_for):
    return actor_for(tenant.admin)


def test_connecting_keeps_who_the_keys_are(admin, tenant, cloud):
    account = connect(admin)
    assert account.organization == tenant.organization
    assert account.status == CloudAccountStatus.VERIFIED
    assert account.identity == "arn:aws:iam::123456789012:user/skyvend"
    assert account.credential_hint == "AKIA…MPLE"
    assert account.default_region == "eu-west-1"
    assert account.checked_at is not None
    assert not account.is_sandbox
    assert stored_credentials(account) == CREDENTIALS
    assert cloud.asked == [("", CREDENTIALS, "eu-west-1")]


def test_missing_permissions_make_it_limited(admin, cloud):
    cloud.missing, cloud.unchecked = ["ec2:RunInstances"], ["s3:CreateBucket"]
    account = connect(admin)
    assert account.status == CloudAccountStatus.LIMITED
    assert account.missing_permissions == ["ec2:RunInstances"]
    assert account.unchecked_permissions == ["s3:CreateBucket"]


def test_a_probe_that_fails_leaves_everything_unchecked(admin, cloud):
    cloud.probe_error = CloudUnreachable("timeout")
    account = connect(admin)
    assert account.status == CloudAccountStatus.VERIFIED
    assert account.unchecked_permissions == ["tag:GetResources"]


@pytest.mark.parametrize("error", [CredentialsRefused("no"), CloudUnreachable("later"), NotPermitted("never")])
def test_nothing_is_stored_or_logged_when_the_cloud_says_no(admin, cloud, error, caplog):
    cloud.error = error
    with caplog.at_level(logging.DEBUG), pytest.raises(type(error)):
        connect(admin)
    assert not CloudAccount.objects.exists()
    assert not AuditEvent.objects.filter(action__startswith="cloud_account").exists()
    assert SECRET not in caplog.text


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"name": ""}, "name"),
        ({"name": "x" * 81}, "name"),
        ({"name": "a\x00b"}, "name"),
        ({"default_region": "mars-1"}, "default_region"),
        ({"provider": "azure"}, "credentials"),
        ({"provider": "nonsense"}, "provider"),
        ({"credentials": {**CREDENTIALS, "endpoint_url": "http://10.0.0.1"}}, "credentials"),
        ({"credentials": {}}, "credentials.access_key_id"),
        ({"credentials": None}, "credentials"),
    ],
)
def test_what_is_wrong_is_said_before_the_cloud_is_asked(admin, cloud, changes, field):
    with pytest.raises(services.InvalidCredentials) as raised:
        connect(admin, **changes)
    assert raised.value.errors[0].field == field
    assert cloud.asked == []
    assert not CloudAccount.objects.exists()


def test_names_are_unique_in_an_organization_only(admin, stranger, actor_for, cloud):
    connect(admin)
    with pytest.raises(services.InvalidCredentials) as raised:
        connect(admin, name="  production ")
    assert raised.value.errors[0].code == "taken"
    assert connect(actor_for(stranger)).name == "production"


def test_two_connects_of_one_name_at_once_end_as_taken(admin, cloud, monkeypatch):
    monkeypatch.setattr(services, "_clean_name", lambda organization, name: name)
    connect(admin)
    with pytest.raises(services.InvalidCredentials) as raised:
        connect(admin)
    assert raised.value.errors[0].code == "taken"


@pytest.mark.parametrize("role", ["member", "viewer"])
def test_only_managers_write(tenant, actor_for, cloud, account, role):
    actor = actor_for(getattr(tenant, role))
    for call in (
        lambda: connect(actor),
        lambda: services.verify_account(actor=actor, account=account),
        lambda: services.replace_credentials(actor=actor, account=account, credentials=NEW_CREDENTIALS),
        lambda: services.rename_account(actor=actor, account=account, name="x"),
        lambda: services.delete_account(actor=actor, account=account),
    ):
        with pytest.raises(PermissionDenied):
            call()
    assert cloud.asked == []


def test_every_write_is_audited_without_secrets(admin, cloud):
    account = connect(admin)
    services.verify_account(actor=admin, account=account)
    services.replace_credentials(actor=admin, account=account, credentials=NEW_CREDENTIALS)
    services.rename_account(actor=admin, account=account, name="renamed")
    services.delete_account(actor=admin, account=account)
    events = AuditEvent.objects.filter(target_type="cloudaccount").order_by("created_at")
    assert [event.action for event in events] == [
        "cloud_account.connect",
        "cloud_account.verify",
        "cloud_account.replace_credentials",
        "cloud_account.rename",
        "cloud_account.delete",
    ]
    written = " ".join(f"{event.data} {event.target_label}" for event in events)
    for secret in (*CREDENTIALS.values(), *NEW_CREDENTIALS.values()):
        assert secret not in written


def test_verifying_keeps_a_refusal_in_words(admin, account, cloud):
    cloud.error = CredentialsRefused("AWS does not know this access key ID.")
    checked = services.verify_account(actor=admin, account=account)
    assert checked.status == CloudAccountStatus.REFUSED
    assert checked.status_detail == "AWS does not know this access key ID."
    cloud.error = None
    again = services.verify_account(actor=admin, account=checked)
    assert (again.status, again.status_detail) == (CloudAccountStatus.VERIFIED, "")


def test_an_outage_does_not_change_what_is_known(admin, account, cloud):
    cloud.error = CloudUnreachable("AWS could not be reached.")
    with pytest.raises(CloudUnreachable):
        services.verify_account(actor=admin, account=account)
    assert CloudAccount.objects.get().status == CloudAccountStatus.VERIFIED


def test_replacing_keys_asks_the_cloud_first(admin, account, cloud):
    replaced = services.replace_credentials(actor=admin, account=account, credentials=NEW_CREDENTIALS)
    assert replaced.credential_hint == "AKIA…0NEW"
    assert stored_credentials(account) == NEW_CREDENTIALS
    cloud.error = CredentialsRefused("no")
    with pytest.raises(CredentialsRefused):
        services.replace_credentials(actor=admin, account=account, credentials=CREDENTIALS)
    assert stored_credentials(account) == NEW_CREDENTIALS


def test_keys_of_another_cloud_account_do_not_replace(admin, account, cloud):
    cloud.owner = "999999999999"
    with pytest.raises(CredentialsRefused, match="999999999999"):
        services.replace_credentials(actor=admin, account=account, credentials=NEW_CREDENTIALS)
    assert stored_credentials(account) == CREDENTIALS


def test_real_keys_are_never_sent_to_the_simulated_cloud(admin, tenant, account_in, cloud):
    sandbox = account_in(tenant.organization, name="sandbox", is_sandbox=True)
    with pytest.raises(CredentialsRefused, match="simulated"):
        services.replace_credentials(actor=admin, account=sandbox, credentials=NEW_CREDENTIALS)
    assert cloud.asked == []


def test_the_made_up_keys_lead_to_the_simulated_cloud_where_there_is_one(admin, settings, cloud):
    keys = sandbox.AWS_CREDENTIALS
    settings.SANDBOX_AWS_ENDPOINT = "http://127.0.0.1:5000"
    account = connect(admin, credentials=keys)
    assert account.is_sandbox
    replaced = services.replace_credentials(actor=admin, account=account, credentials=keys)
    assert replaced.is_sandbox
    settings.SANDBOX_AWS_ENDPOINT = ""
    assert not connect(admin, name="elsewhere", credentials=keys).is_sandbox
    assert [endpoint for endpoint, _, _ in cloud.asked] == ["http://127.0.0.1:5000"] * 2 + [""]


def test_renaming_changes_only_what_is_given(admin, account, cloud):
    renamed = services.rename_account(actor=admin, account=account, default_region="us-east-1")
    assert (renamed.name, renamed.default_region) == ("production", "us-east-1")
    renamed = services.rename_account(actor=admin, account=renamed, name="main")
    assert (renamed.name, renamed.default_region) == ("main", "us-east-1")
    with pytest.raises(services.InvalidCredentials):
        services.rename_account(actor=admin, account=renamed, default_region="mars-1")


def test_an_account_in_use_stays(admin, account, make_resource, cloud):
    for name in ("web", "assets"):
        make_resource(name)
    make_resource("old", status="destroyed")
    with pytest.raises(services.AccountInUse, match="assets, web") as raised:
        services.delete_account(actor=admin, account=account)
    assert raised.value.names == ["assets", "web"]
    assert CloudAccount.objects.filter(pk=account.pk).exists()
    assert not AuditEvent.objects.filter(action="cloud_account.delete").exists()


def test_an_account_of_gone_resources_only_can_go(admin, account, make_resource, cloud):
    old = make_resource("old", status="destroyed")
    services.delete_account(actor=admin, account=account)
    assert not CloudAccount.objects.exists()
    old.refresh_from_db()
    assert old.cloud_account is None


def test_the_sandbox_is_connected_once(tenant, settings, cloud):
    settings.SANDBOX_AWS_ENDPOINT = "http://127.0.0.1:5000"
    account = services.connect_sandbox_account(organization=tenant.organization, name="Simulated AWS")
    again = services.connect_sandbox_account(organization=tenant.organization, name="Simulated AWS")
    assert again == account
    assert account.is_sandbox
    assert account.status == CloudAccountStatus.VERIFIED
    assert [endpoint for endpoint, _, _ in cloud.asked] == ["http://127.0.0.1:5000"]
    assert AuditEvent.objects.get(action="cloud_account.connect").actor_label == "system"


def test_without_an_endpoint_there_is_no_sandbox(tenant, settings, cloud):
    settings.SANDBOX_AWS_ENDPOINT = ""
    with pytest.raises(CloudUnreachable, match="not running here"):
        services.connect_sandbox_account(organization=tenant.organization, name="Simulated AWS")


def test_a_run_gets_the_keys_and_only_a_sandbox_an_endpoint(account, tenant, account_in, settings, cloud):
    settings.SANDBOX_AWS_ENDPOINT = "http://127.0.0.1:5000"
    real = services.runner_environment(cloud_account_id=account.pk, region="eu-west-1")
    assert real.variables == {**CREDENTIALS, "region": "eu-west-1", "endpoint": ""}
    sandbox = account_in(tenant.organization, name="sandbox", is_sandbox=True)
    simulated = services.runner_environment(cloud_account_id=sandbox.pk, region="eu-west-1")
    assert simulated.variables["endpoint"] == "http://127.0.0.1:5000"


def test_tagged_objects_are_those_of_the_account(account, cloud):
    cloud.objects = [CloudObject("s3:bucket", "assets", "arn:aws:s3:::assets", "assets")]
    found = services.tagged_objects(cloud_account_id=account.pk, region="eu-west-1", tags={"skyvend-run": "r"})
    assert found == cloud.objects


def test_keys_that_no_longer_open_are_explained(account, settings, cloud):
    settings.FERNET_KEYS = ["another key"]
    with pytest.raises(services.CredentialsUnreadable, match="encryption key has changed"):
        services.runner_environment(cloud_account_id=account.pk, region="eu-west-1")


def test_no_view_of_a_row_holds_the_secret(admin, cloud):
    account = connect(admin)
    full = CloudAccount.objects.get(pk=account.pk)
    assert SECRET in full.credentials["secret_access_key"]
    for shown in (repr(full), str(full), str(model_to_dict(full)), f"{full}"):
        assert SECRET not in shown
    assert "credentials" in account.get_deferred_fields()
