from decimal import Decimal
from pathlib import Path
from uuid import UUID

import pytest
from django.conf import settings
from django.core.management import CommandError, call_command

from clouds import catalogue
from clouds.catalogue import Adoption, CatalogueError, OutputSpec, PriceItem
from clouds.inputs import validate_inputs
from clouds.models import MachineType, Offering, OfferingVersion

from . import shelf

pytestmark = pytest.mark.django_db

RESOURCE = UUID("3f2a9c1b-0000-4000-8000-000000000000")


def test_every_released_module_is_put_on_the_shelf() -> None:
    versions = shelf.load()

    released = sorted("/".join(path.parts[-3:-1]) for path in settings.TERRAFORM_MODULES.glob("*/*/*"))
    assert sorted(versions) == sorted(set(released))
    assert {"aws/bucket@1.0.1", "aws/kubernetes@1.0.0", "aws/vm@1.0.1"} <= {
        str(offering.current) for offering in Offering.objects.available()
    }
    assert versions["aws/vm"].title == "Virtual machine"
    assert versions["aws/vm"].regions == ["eu-west-1", "us-east-1", "ap-southeast-1"]
    assert len(versions["aws/vm"].content_hash) == 64


def test_loading_again_changes_nothing() -> None:
    shelf.load()
    before = list(OfferingVersion.objects.values()), list(Offering.objects.values()), MachineType.objects.count()

    shelf.load()

    assert (
        list(OfferingVersion.objects.values()),
        list(Offering.objects.values()),
        MachineType.objects.count(),
    ) == before


def test_the_newest_version_by_number_becomes_current(tmp_path: Path) -> None:
    for version in ("1.9.0", "1.10.0", "1.2.0"):
        shelf.copy_of("aws/bucket", tmp_path, version=version)

    catalogue.load(tmp_path)

    assert str(Offering.objects.get().current) == "aws/bucket@1.10.0"


def test_an_offering_taken_off_the_shelf_stays_off() -> None:
    shelf.load()
    Offering.objects.filter(pk="aws/vm").update(is_available=False)

    shelf.load()

    assert "aws/vm" not in [offering.pk for offering in Offering.objects.available()]


def test_a_changed_released_version_is_refused_and_nothing_is_written(tmp_path: Path) -> None:
    directory = shelf.copy_of("aws/bucket", tmp_path)
    catalogue.load(tmp_path)
    before = list(OfferingVersion.objects.values())
    shelf.edit(directory / "main.tf", "AES256", "aws:kms")
    shelf.copy_of("aws/bucket", tmp_path, version="1.1.0")

    with pytest.raises(CatalogueError, match=r"aws/bucket/1\.0\.0: a released version never changes"):
        catalogue.load(tmp_path)

    assert list(OfferingVersion.objects.values()) == before


def test_what_terraform_leaves_behind_is_no_change(tmp_path: Path) -> None:
    directory = shelf.copy_of("aws/bucket", tmp_path)
    catalogue.load(tmp_path)
    (directory / ".terraform").mkdir()
    (directory / ".terraform/modules.json").write_text("{}")
    (directory / ".terraform.lock.hcl").write_text("")
    (directory / "terraform.tfstate").write_text("{}")

    assert len(catalogue.load(tmp_path)) == 1


def test_a_new_machine_type_reaches_the_schema_of_a_released_version() -> None:
    shelf.load()
    MachineType.objects.create(provider="aws", name="m9z.large", vcpu=2, memory_gib=8)

    version = shelf.load()["aws/vm"]

    assert catalogue.chosen(version, "machine_type", "m9z.large")["title"] == "m9z.large · 2 vCPU, 8 GiB"


def test_an_empty_directory_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(CatalogueError, match="holds no"):
        catalogue.load(tmp_path)


@pytest.mark.parametrize("place", ["aws/vm/latest", "aws/teapot/1.0.0", "oracle/vm/1.0.0"])
def test_a_module_in_the_wrong_place_is_refused(tmp_path: Path, place: str) -> None:
    provider, kind, version = place.split("/")
    source = shelf.copy_of("aws/vm", tmp_path / "copy")
    (tmp_path / "shelf" / provider / kind).mkdir(parents=True)
    source.rename(tmp_path / "shelf" / provider / kind / version)

    with pytest.raises(CatalogueError, match=f"{place}: a module lies in"):
        catalogue.load(tmp_path / "shelf")


def test_a_default_that_is_no_choice_is_refused(tmp_path: Path) -> None:
    directory = shelf.copy_of("aws/vm", tmp_path)
    shelf.edit(directory / "variables.tf", '"ubuntu-24.04"', '"windows-95"')

    with pytest.raises(CatalogueError, match='the default of "image" is not one of its valid values'):
        catalogue.load(tmp_path)


def test_another_provider_needs_rows_and_a_directory_but_no_python(tmp_path: Path) -> None:
    directory = shelf.copy_of("aws/vm", tmp_path, provider="gcp")
    (directory / "sizes.tf.json").write_text(
        '{"locals": {"sizes": {"small": {"title": "Small", "vcpu": 2, "memory_gib": 2, "machine_type": "e2-small"}}}}'
    )
    shelf.edit(directory / "offering.toml", "aws:compute:", "gcp:compute:")

    version = catalogue.load(tmp_path)[0]

    assert "e2-small" in [row["const"] for row in version.schema["properties"]["machine_type"]["oneOf"]]
    assert catalogue.price_items(version, {"size": "small", "disk_gb": 10})[0].sku == "gcp:compute:e2-small"


def test_the_command_prints_what_is_on_the_shelf(capsys: pytest.CaptureFixture[str]) -> None:
    call_command("load_catalogue")

    lines = capsys.readouterr().out.splitlines()
    assert lines == sorted(lines)
    assert "aws/bucket@1.0.1: Storage bucket, 3 regions" in lines


def test_the_command_fails_with_the_reason(tmp_path: Path) -> None:
    with pytest.raises(CommandError, match="holds no"):
        call_command("load_catalogue", str(tmp_path))


def test_sizes_are_those_of_the_api_contract() -> None:
    rows = shelf.load()["aws/vm"].schema["properties"]["size"]["oneOf"]

    assert {row["const"]: row["machine_type"] for row in rows} == {
        "micro": "t3.micro",
        "small": "t3.small",
        "medium": "t3.medium",
        "large": "t3.large",
        "xlarge": "t3.xlarge",
        "2xlarge": "t3.2xlarge",
    }
    types = {row.name: row for row in MachineType.objects.filter(provider="aws")}
    assert {row["title"].split(" · ")[1] for row in rows} == {
        f"{float(types[row['machine_type']].vcpu):g} vCPU, {float(types[row['machine_type']].memory_gib):g} GiB"
        for row in rows
    }


def test_a_machine_costs_its_type_its_disk_and_its_address() -> None:
    version = shelf.load()["aws/vm"]
    inputs = validate_inputs(version, {"region": "eu-west-1", "size": "medium", "disk_gb": 50})

    assert catalogue.price_items(version, inputs) == [
        PriceItem("t3.medium", "aws:compute:t3.medium", Decimal(1)),
        PriceItem("Disk, 50 GB", "aws:disk:gp3", Decimal(50)),
        PriceItem("Public IPv4 address", "aws:ipv4", Decimal(1)),
    ]


def test_an_exact_machine_type_is_priced_as_such() -> None:
    version = shelf.load()["aws/vm"]
    inputs = validate_inputs(version, {"region": "eu-west-1", "machine_type": "m7g.large"})

    assert catalogue.price_items(version, inputs)[0] == PriceItem("m7g.large", "aws:compute:m7g.large", Decimal(1))


def test_a_bucket_costs_what_it_is_expected_to_hold() -> None:
    version = shelf.load()["aws/bucket"]
    inputs = validate_inputs(version, {"region": "eu-west-1"})

    assert catalogue.price_items(version, inputs) == [PriceItem("Storage, 10 GB", "aws:s3:standard", Decimal(10))]


def test_a_price_line_counts_only_when_its_input_is_set(tmp_path: Path) -> None:
    directory = shelf.copy_of("aws/bucket", tmp_path)
    shelf.edit(directory / "offering.toml", 'quantity = "expected_gb"', 'quantity = 0.5\nwhen = "versioning"')
    version = catalogue.load(tmp_path)[0]

    assert catalogue.price_items(version, validate_inputs(version, {"region": "eu-west-1"})) == []
    priced = catalogue.price_items(version, validate_inputs(version, {"region": "eu-west-1", "versioning": True}))
    assert [item.quantity for item in priced] == [Decimal("0.5")]


def test_terraform_gets_the_inputs_and_what_the_platform_adds() -> None:
    version = shelf.load()["aws/bucket"]
    inputs = validate_inputs(version, {"region": "eu-west-1", "expected_gb": 500})
    tags = {"skyvend-resource": str(RESOURCE)}

    assert catalogue.terraform_variables(version, inputs, name="logs", resource_id=RESOURCE, tags=tags) == {
        "name": "logs",
        "unique_suffix": "3f2a9c1b",
        "tags": tags,
        "region": "eu-west-1",
        "versioning": False,
        "expire_after_days": 0,
    }


@pytest.mark.parametrize(
    ("offering", "label", "value"),
    [
        ("aws/bucket", "Bucket", "a-name-of-forty-letters-and-hyphens-here-3f2a9c1b"),
        ("azure/bucket", "Storage account", "anameoffortylett3f2a9c1b"),
        ("gcp/bucket", "Bucket name", "a-name-of-forty-letters-and-hyphens-here-3f2a9c1b"),
    ],
)
def test_a_global_name_is_known_before_it_is_made(offering: str, label: str, value: str) -> None:
    version = shelf.load()[offering]
    name = catalogue.global_name(version, name="a-name-of-forty-letters-and-hyphens-here", resource_id=RESOURCE)
    assert name == catalogue.GlobalName(label, value)


def test_a_machine_needs_no_global_name() -> None:
    assert catalogue.global_name(shelf.load()["aws/vm"], name="web", resource_id=RESOURCE) is None


def test_an_input_may_have_another_name_than_its_variable(tmp_path: Path) -> None:
    directory = shelf.copy_of("aws/vm", tmp_path, version="1.1.0")
    shelf.edit(directory / "offering.toml", "[inputs.disk_gb]", '[inputs.version]\nvariable = "disk_gb"')
    text = (directory / "offering.toml").read_text("utf-8").replace("{disk_gb}", "{version}")
    (directory / "offering.toml").write_text(text.replace('quantity = "disk_gb"', 'quantity = "version"'), "utf-8")
    [version] = catalogue.load(tmp_path)

    variables = catalogue.terraform_variables(
        version, {**shelf.SMALL, "version": 30}, name="web", resource_id=RESOURCE, tags={}
    )

    assert (variables["disk_gb"], "version" in variables) == (30, False)


def test_a_module_without_a_suffix_gets_none() -> None:
    version = shelf.load()["aws/vm"]
    inputs = validate_inputs(version, {"region": "eu-west-1", "size": "small"})

    assert catalogue.terraform_variables(version, inputs, name="web", resource_id=RESOURCE, tags={}) == {
        "name": "web",
        "tags": {},
        "region": "eu-west-1",
        "size": "small",
        "image": "ubuntu-24.04",
        "disk_gb": 20,
        "ssh_public_key": "",
        "allow_ssh_from": [],
        "network": "default",
    }


def test_outputs_and_adoptions_come_from_the_manifest() -> None:
    version = shelf.load()["aws/bucket"]

    assert catalogue.output_specs(version) == [
        OutputSpec("name", "Bucket", is_sensitive=False, is_link=False),
        OutputSpec("url", "Address", is_sensitive=False, is_link=True),
        OutputSpec("arn", "ARN", is_sensitive=False, is_link=False),
    ]
    [adoption] = catalogue.adoptions(version, name="logs", resource_id="01234567-89ab-cdef-0123-456789abcdef")
    assert adoption == Adoption("s3:bucket", "aws_s3_bucket.this", untagged_name="logs-01234567")
