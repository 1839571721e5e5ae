import base64
import json
import string
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from clouds import catalogue
from clouds.inputs import Change, InputError, InvalidInputs, changes, validate_inputs, validate_name
from clouds.models import OfferingVersion

from . import shelf
from .shelf import SMALL

pytestmark = pytest.mark.django_db

ED25519 = "ssh-ed25519 " + base64.b64encode(b"\x00\x00\x00\x0bssh-ed25519\x00\x00\x00\x20" + bytes(32)).decode()


def errors_of(version: OfferingVersion, inputs: dict[str, Any]) -> list[tuple[str, str]]:
    with pytest.raises(InvalidInputs) as caught:
        validate_inputs(version, inputs)
    return [(error.field, error.code) for error in caught.value.errors]


def sentence_of(version: OfferingVersion, inputs: dict[str, Any]) -> str:
    with pytest.raises(InvalidInputs) as caught:
        validate_inputs(version, inputs)
    assert len(caught.value.errors) == 1
    return caught.value.errors[0].detail


def test_only_region_and_size_are_needed(vm: OfferingVersion) -> None:
    assert validate_inputs(vm, SMALL) == {
        **SMALL,
        "image": "ubuntu-24.04",
        "disk_gb": 20,
        "ssh_public_key": "",
        "allow_ssh_from": [],
        "network": "default",
    }


def test_a_bucket_needs_only_a_region(bucket: OfferingVersion) -> None:
    assert validate_inputs(bucket, {"region": "us-east-1"}) == {
        "region": "us-east-1",
        "versioning": False,
        "expire_after_days": 0,
        "expected_gb": 10,
    }


def test_what_is_validated_stays_valid(vm: OfferingVersion) -> None:
    once = validate_inputs(
        vm, {**SMALL, "allow_ssh_from": ["2001:DB8::/32"], "ssh_public_key": f" {ED25519}  me@x y\n"}
    )

    assert once["allow_ssh_from"] == ["2001:db8::/32"]
    assert once["ssh_public_key"] == f"{ED25519} me@x"
    assert validate_inputs(vm, once) == once


def test_the_published_schema_accepts_what_is_valid(vm: OfferingVersion, bucket: OfferingVersion) -> None:
    for version, inputs in ((vm, SMALL), (bucket, {"region": "eu-west-1"})):
        validator = catalogue.Draft202012Validator(version.schema)
        validator.check_schema(version.schema)
        assert [*validator.iter_errors(validate_inputs(version, inputs))] == []
        assert [error.validator for error in validator.iter_errors({"nonsense": 1})] != []


def test_none_counts_as_not_given(vm: OfferingVersion) -> None:
    assert validate_inputs(vm, {**SMALL, "machine_type": None, "disk_gb": None})["disk_gb"] == 20


def test_every_error_is_found_at_once(vm: OfferingVersion) -> None:
    found = errors_of(vm, {"region": "moon-1", "image": 7, "disk_gb": 4, "allow_ssh_from": ["here"]})

    assert sorted(found) == [
        ("allow_ssh_from", "invalid"),
        ("disk_gb", "invalid"),
        ("image", "type"),
        ("region", "choice"),
        ("size", "required"),
    ]


def test_an_unknown_input_is_refused_by_name(vm: OfferingVersion) -> None:
    with pytest.raises(InvalidInputs) as caught:
        validate_inputs(vm, {**SMALL, "endpoint_url": "http://127.0.0.1"})

    assert caught.value.errors[0] == InputError(
        "endpoint_url",
        "unknown",
        "There is no such input; there are: region, size, image, disk_gb, ssh_public_key, allow_ssh_from, "
        "machine_type, network.",
    )


@pytest.mark.parametrize("name", ["name", "tags", "unique_suffix"])
def test_what_the_platform_sets_cannot_be_given(bucket: OfferingVersion, name: str) -> None:
    assert errors_of(bucket, {"region": "eu-west-1", name: "x"}) == [(name, "unknown")]


@pytest.mark.parametrize(
    ("given", "detail"),
    [
        ("20", "Must be a whole number."),
        (True, "Must be a whole number."),
        (20.5, "Must be a whole number."),
        (float("nan"), "Must be a whole number."),
        (float("inf"), "Must be a whole number."),
        (7, "At least 8 GB."),
        (10**400, "At most 16384 GB."),
        (1e300, "At most 16384 GB."),
        ([20], "Must be a whole number."),
    ],
)
def test_a_disk_is_a_whole_number_within_bounds(vm: OfferingVersion, given: Any, detail: str) -> None:
    assert sentence_of(vm, {**SMALL, "disk_gb": given}) == detail


def test_a_whole_float_becomes_a_whole_number(vm: OfferingVersion) -> None:
    assert json.dumps(validate_inputs(vm, {**SMALL, "disk_gb": 30.0})["disk_gb"]) == "30"


def test_size_and_machine_type_stand_in_for_each_other(vm: OfferingVersion) -> None:
    exact = validate_inputs(vm, {"region": "eu-west-1", "machine_type": "t4g.small"})

    assert "size" not in exact
    assert errors_of(vm, {**SMALL, "machine_type": "t4g.small"}) == [("machine_type", "conflict")]
    assert errors_of(vm, {"region": "eu-west-1"}) == [("size", "required")]
    assert errors_of(vm, {"region": "eu-west-1", "machine_type": "z9.huge"}) == [("machine_type", "choice")]


def test_an_image_must_run_on_the_machines_processor(tmp_path: Path) -> None:
    directory = shelf.copy_of("aws/vm", tmp_path)
    tables = json.loads((directory / "images.tf.json").read_text())
    tables["locals"]["images"]["debian-12"]["arch"] = ["x86_64"]
    (directory / "images.tf.json").write_text(json.dumps(tables))
    version = catalogue.load(tmp_path)[0]

    assert validate_inputs(version, {**SMALL, "image": "debian-12"})["image"] == "debian-12"
    assert sentence_of(version, {"region": "eu-west-1", "machine_type": "t4g.small", "image": "debian-12"}) == (
        "These do not go together (processor architecture): Debian 12 and t4g.small · 2 vCPU, 2 GiB · ARM."
    )


@pytest.mark.parametrize(
    ("given", "detail"),
    [
        ("203.0.113.7", "“203.0.113.7” is one address: write 203.0.113.7/32."),
        ("2001:db8::1", "“2001:db8::1” is one address: write 2001:db8::1/128."),
        (
            "203.0.113.7/24",
            (
                "“203.0.113.7/24” names a machine inside a network: "
                "write 203.0.113.0/24, or 203.0.113.7/32 for one machine."
            ),
        ),
        ("203.0.113.0/33", "“203.0.113.0/33”: what follows the slash is a number from 0 to 32."),
        ("203.0.113.0/255.255.255.0", "“203.0.113.0/255.255.255.0”: what follows the slash is a number from 0 to 32."),
        ("203.0.113.0/٢٤", "“203.0.113.0/٢٤”: what follows the slash is a number from 0 to 32."),
        ("fe80::%eth0/64", "“fe80::%eth0/64” names a network interface; leave out the part from % on."),
        ("my house", "“my house” is not a network such as 203.0.113.0/24."),
        ("", "“” is not a network such as 203.0.113.0/24."),
        ("10.0.0.0/8\x00", "Holds characters that cannot be printed."),
    ],
)
def test_a_network_is_a_real_network(vm: OfferingVersion, given: str, detail: str) -> None:
    assert sentence_of(vm, {**SMALL, "allow_ssh_from": [given]}) == detail


def test_the_same_network_counts_once(vm: OfferingVersion) -> None:
    given = ["2001:db8::/32", " 2001:0DB8::/32", "0.0.0.0/0"]

    assert validate_inputs(vm, {**SMALL, "allow_ssh_from": given})["allow_ssh_from"] == ["2001:db8::/32", "0.0.0.0/0"]


@pytest.mark.parametrize("given", ["0.0.0.0/0", [1], [["0.0.0.0/0"]], {"0": "0.0.0.0/0"}, ["10.0.0.0/8"] * 51])
def test_networks_are_a_list_of_texts(vm: OfferingVersion, given: Any) -> None:
    assert errors_of(vm, {**SMALL, "allow_ssh_from": given})[0][0] == "allow_ssh_from"


def outcome(ask: Callable[[], Any]) -> tuple[Any, list[InputError]]:
    try:
        return ask(), []
    except InvalidInputs as refused:
        return None, refused.errors


def rsa_key(bits: int) -> str:
    key = rsa.generate_private_key(65537, bits).public_key()
    return key.public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH).decode()


def test_a_long_enough_rsa_key_is_taken(vm: OfferingVersion) -> None:
    key = rsa_key(2048)

    assert validate_inputs(vm, {**SMALL, "ssh_public_key": key})["ssh_public_key"] == key


@pytest.mark.parametrize(
    ("key", "detail"),
    [
        (
            "-----BEGIN OPENSSH PRIVATE KEY-----\nc2VjcmV0\n-----END OPENSSH PRIVATE KEY-----",
            "This is the private half of a key: keep it secret, and give the public one (.pub).",
        ),
        (f"{ED25519}\n{ED25519}", "Give one public key on one line."),
        ("AAAAC3Nz", "A public key starts with ssh-ed25519 or ssh-rsa here; this one does not."),
        (ED25519[:-6], "This public key is damaged or cut off: copy the whole line of the .pub file."),
        ("ssh-ed25519", "This public key is damaged or cut off: copy the whole line of the .pub file."),
        (
            "ssh-rsa " + ED25519.split()[1],
            "This public key is damaged or cut off: copy the whole line of the .pub file.",
        ),
        ("ssh-ed25519 ünïcode", "This public key is damaged or cut off: copy the whole line of the .pub file."),
    ],
)
def test_a_key_is_a_real_public_key(vm: OfferingVersion, key: str, detail: str) -> None:
    assert sentence_of(vm, {**SMALL, "ssh_public_key": key}) == detail


def test_a_kind_of_key_the_cloud_does_not_take_is_refused(vm: OfferingVersion) -> None:
    key = ec.generate_private_key(ec.SECP256R1()).public_key()
    text = key.public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH).decode()

    assert sentence_of(vm, {**SMALL, "ssh_public_key": text}).startswith("A public key starts with")


def test_a_short_rsa_key_is_refused(vm: OfferingVersion) -> None:
    assert sentence_of(vm, {**SMALL, "ssh_public_key": rsa_key(1024)}) == (
        "This RSA key has 1024 bits; at least 2048 are needed."
    )


@pytest.mark.parametrize("name", ["abc", "web-1", "a2-b3-c4", "a" * 40])
def test_a_name_fits_every_cloud(name: str) -> None:
    assert validate_name(name) == name


@pytest.mark.parametrize(
    "name",
    ["", "ab", "a" * 41, "1ab", "Web", "web_1", "-web", "web-", "we--b", "wéb", "web\n", "web\x00", None, 7, ["web"]],
)
def test_any_other_name_is_refused(name: Any) -> None:
    with pytest.raises(InvalidInputs) as caught:
        validate_name(name)

    assert [(error.field, error.code) for error in caught.value.errors] == [("name", "invalid")]


JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(alphabet=st.characters() | st.sampled_from(["\x00", "\ud800"])),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=10), inner, max_size=4),
    max_leaves=10,
)
NAMES = ["region", "size", "machine_type", "image", "disk_gb", "ssh_public_key", "allow_ssh_from", "network"]
LIKELY = st.sampled_from(["eu-west-1", "small", "t3.small", "debian-12", "own", ED25519, "10.0.0.0/8", 8, 2**70])


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    inputs=st.dictionaries(st.sampled_from(NAMES) | st.text(max_size=12), LIKELY | st.lists(LIKELY) | JSON, max_size=9)
)
def test_whatever_is_given_is_either_valid_or_refused_in_words(vm: OfferingVersion, inputs: dict[str, Any]) -> None:
    valid, errors = outcome(lambda: validate_inputs(vm, inputs))

    if errors:
        assert all(error.detail and len(error.detail) < 400 and "\x00" not in error.field for error in errors)
    else:
        assert validate_inputs(vm, valid) == valid
        assert json.loads(json.dumps(valid)) == valid


@settings(max_examples=200, deadline=None)
@given(name=st.text(alphabet=string.printable + "é٢\x00") | JSON)
def test_whatever_the_name_is_it_is_kept_or_refused(name: Any) -> None:
    valid, errors = outcome(lambda: validate_name(name))

    assert len(errors) == 1 if errors else valid == name


def test_changes_say_what_can_be_done_in_place(vm: OfferingVersion) -> None:
    old = validate_inputs(vm, SMALL)
    new = validate_inputs(vm, {"region": "us-east-1", "size": "large", "disk_gb": 40})

    assert [(one.field, one.label, one.old, one.new, one.in_place) for one in changes(vm, old, new)] == [
        ("region", "Region", "eu-west-1", "us-east-1", False),
        ("size", "Size", "small", "large", True),
        ("disk_gb", "Disk", 20, 40, True),
    ]


def test_a_disk_cannot_shrink_in_place(vm: OfferingVersion) -> None:
    old = validate_inputs(vm, {**SMALL, "disk_gb": 40})

    assert [one.in_place for one in changes(vm, old, validate_inputs(vm, SMALL))] == [False]


def test_no_change_is_no_change(vm: OfferingVersion) -> None:
    assert changes(vm, validate_inputs(vm, SMALL), validate_inputs(vm, SMALL)) == []


def test_a_change_says_what_it_does_to_what_exists(bucket: OfferingVersion) -> None:
    old = validate_inputs(bucket, {"region": "eu-west-1"})

    assert changes(bucket, old, {**old, "versioning": True}) == [
        Change(
            "versioning",
            "Keep older versions",
            old=False,
            new=True,
            in_place=True,
            effect="Takes effect at once. Switched off, the versions already there stay.",
        )
    ]
