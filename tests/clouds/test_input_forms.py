import pytest

from clouds.inputs import form_for, validate_inputs
from clouds.models import OfferingVersion

from . import shelf
from .shelf import SMALL

pytestmark = pytest.mark.django_db


def test_the_form_shows_the_inputs_in_groups(vm: OfferingVersion) -> None:
    groups = form_for(vm).groups()

    assert [(name, heading, [field.name for field in fields]) for name, heading, fields in groups] == [
        ("basic", "", ["region", "size", "image", "disk_gb", "ssh_public_key", "allow_ssh_from"]),
        ("advanced", "Advanced", ["machine_type", "network"]),
    ]


def test_the_database_keeps_the_order_of_the_form(vm: OfferingVersion) -> None:
    stored = OfferingVersion.objects.get(pk=vm.pk)

    assert [field.name for field in form_for(stored)] == [field.name for field in form_for(vm)]
    assert stored.input_names[:3] == ["region", "size", "image"]


def test_a_version_stored_without_an_order_gets_it_when_it_is_loaded_again(vm: OfferingVersion) -> None:
    OfferingVersion.objects.filter(pk=vm.pk).update(manifest={**vm.manifest, "order": []})

    shelf.load()

    assert OfferingVersion.objects.get(pk=vm.pk).input_names == vm.input_names


def test_the_form_starts_with_the_defaults(vm: OfferingVersion) -> None:
    form = form_for(vm)

    assert {field.name: field.value() for field in form} == {
        "region": None,
        "size": "small",
        "image": "ubuntu-24.04",
        "disk_gb": 20,
        "ssh_public_key": "",
        "allow_ssh_from": "",
        "machine_type": None,
        "network": "default",
    }
    assert form["disk_gb"].label == "Disk (GB)"
    assert '<optgroup label="Europe">' in str(form["region"])


def test_the_form_of_something_that_exists_shows_what_it_has(vm: OfferingVersion) -> None:
    has = validate_inputs(
        vm, {"region": "us-east-1", "machine_type": "m6i.large", "allow_ssh_from": ["10.0.0.0/8", "192.0.2.0/24"]}
    )

    form = form_for(vm, initial=has)

    assert form["size"].value() is None
    assert form["machine_type"].value() == "m6i.large"
    assert "10.0.0.0/8\n192.0.2.0/24" in str(form["allow_ssh_from"])


def test_a_filled_form_gives_the_inputs(vm: OfferingVersion) -> None:
    form = form_for(
        vm,
        data={
            "region": "eu-west-1",
            "size": "small",
            "image": "debian-12",
            "disk_gb": "30",
            "ssh_public_key": "",
            "allow_ssh_from": "10.0.0.0/8, 192.0.2.0/24\r\n198.51.100.7/32",
            "machine_type": "",
            "network": "own",
        },
    )

    assert form.is_valid()
    assert form.inputs() == {
        "region": "eu-west-1",
        "size": "small",
        "image": "debian-12",
        "disk_gb": 30,
        "allow_ssh_from": ["10.0.0.0/8", "192.0.2.0/24", "198.51.100.7/32"],
        "network": "own",
    }


def test_in_the_form_an_exact_type_takes_the_place_of_the_size(vm: OfferingVersion) -> None:
    form = form_for(vm, data={**SMALL, "machine_type": "t4g.small", "allow_ssh_from": ""})

    assert form.is_valid()
    assert form.inputs() == {"region": "eu-west-1", "machine_type": "t4g.small", "allow_ssh_from": []}


def test_the_form_says_next_to_each_field_what_the_api_says(vm: OfferingVersion) -> None:
    form = form_for(vm, data={"region": "moon-1", "disk_gb": "4", "allow_ssh_from": "10.0.0.1", "size": ""})

    assert form.errors == {
        "region": ["Choose one of: eu-west-1, us-east-1, ap-southeast-1."],
        "size": ["This is needed, or machine_type instead."],
        "disk_gb": ["At least 8 GB."],
        "allow_ssh_from": ["“10.0.0.1” is one address: write 10.0.0.1/32."],
    }
    assert form.inputs() == {"region": "moon-1", "disk_gb": 4, "allow_ssh_from": ["10.0.0.1"]}


def test_a_number_that_is_none_is_said_once(vm: OfferingVersion) -> None:
    form = form_for(vm, data={**SMALL, "disk_gb": "much"})

    assert form.errors == {"disk_gb": ["Enter a whole number."]}


def test_an_unticked_box_means_no(bucket: OfferingVersion) -> None:
    assert form_for(bucket, data={"region": "eu-west-1"}).inputs() == {"region": "eu-west-1", "versioning": False}
    ticked = form_for(bucket, data={"region": "eu-west-1", "versioning": "on"})
    assert ticked.inputs() == {"region": "eu-west-1", "versioning": True}


def test_the_form_has_no_inline_style_or_handler(vm: OfferingVersion) -> None:
    html = str(form_for(vm, data={"region": '"><script>alert(1)</script>'}))

    assert "<script" not in html
    assert "style=" not in html
