import re
from pathlib import Path

import pytest
from django.conf import settings

from clouds.manifest import FILE, InvalidManifest, check_manifest, read_manifest
from clouds.models import OfferingVersion
from clouds.module_files import UnreadableModule, Variable, content_hash, read_module

from . import shelf


def problems_of(directory: Path) -> list[str]:
    with pytest.raises(InvalidManifest) as caught:
        check_manifest(read_manifest(directory), read_module(directory))
    return caught.value.problems


def test_a_module_is_read_as_terraform_sees_it() -> None:
    module = read_module(settings.TERRAFORM_MODULES / "aws/vm/1.0.0")

    assert module.variables["region"] == Variable("region", "string", is_required=True)
    assert module.variables["disk_gb"] == Variable("disk_gb", "number", is_required=False, default=20)
    assert module.variables["allow_ssh_from"] == Variable(
        "allow_ssh_from", "list(string)", is_required=False, default=[]
    )
    assert module.variables["size"] == Variable("size", "string", is_required=False, default=None)
    assert module.outputs == dict.fromkeys(["public_ip", "private_ip", "instance_id", "ssh_command"], False)
    assert {"aws_instance.this", "aws_security_group.this"} <= module.resources
    assert module.tables["sizes"]["large"]["machine_type"] == "t3.large"


def test_the_hash_depends_on_names_and_contents(tmp_path: Path) -> None:
    directory = shelf.copy_of("aws/bucket", tmp_path)
    before = content_hash(directory)
    (directory / "outputs.tf").rename(directory / "results.tf")
    renamed = content_hash(directory)
    shelf.edit(directory / "README.md", "S3", "S4")

    assert before == content_hash(settings.TERRAFORM_MODULES / "aws/bucket/1.0.0")
    assert len({before, renamed, content_hash(directory)}) == 3


def test_broken_terraform_is_named(tmp_path: Path) -> None:
    directory = shelf.copy_of("aws/bucket", tmp_path)
    (directory / "main.tf").write_text("resource {{{")

    with pytest.raises(UnreadableModule, match=r"main\.tf is not valid HCL"):
        read_module(directory)


def test_a_broken_table_is_named(tmp_path: Path) -> None:
    directory = shelf.copy_of("aws/vm", tmp_path)
    (directory / "sizes.tf.json").write_text("[1")

    with pytest.raises(UnreadableModule, match=r"sizes\.tf\.json is not valid JSON"):
        read_module(directory)


@pytest.mark.parametrize("offering", ["aws/vm", "aws/bucket"])
def test_the_released_manifests_fit_their_modules(offering: str) -> None:
    directory = settings.TERRAFORM_MODULES / offering / "1.0.0"

    check_manifest(read_manifest(directory), read_module(directory))


def test_a_manifest_that_is_no_toml_is_refused(tmp_path: Path) -> None:
    (tmp_path / FILE).write_text("title =")

    with pytest.raises(InvalidManifest, match=r"offering\.toml cannot be read"):
        read_manifest(tmp_path)


@pytest.mark.parametrize(
    ("old", "new", "problem"),
    [
        ('title = "Storage bucket"', 'titel = "Bucket"', "offering.toml: $: 'title' is a required property"),
        ("link = true", "lnik = true", "offering.toml: output[1]: Additional properties are not allowed"),
        ('label = "Region"', "label = 7", "offering.toml: inputs.region.label: 7 is not of type 'string'"),
        ("default = 10\n", "", "offering.toml: inputs.expected_gb: 'default' is a dependency of 'price_only'"),
    ],
)
def test_a_manifest_of_the_wrong_form_is_refused(tmp_path: Path, old: str, new: str, problem: str) -> None:
    directory = shelf.copy_of("aws/bucket", tmp_path)
    shelf.edit(directory / FILE, old, new)

    assert any(found.startswith(problem) for found in problems_of(directory))


@pytest.mark.parametrize(
    ("file", "old", "new", "problem"),
    [
        (FILE, "[inputs.versioning]", "[inputs.versions]", 'input "versions" is no variable of the module'),
        (
            FILE,
            "[inputs.versioning]",
            '[inputs.versioning]\ntype = "string"',
            'input "versioning" is string, but variables.tf says bool',
        ),
        (
            FILE,
            "[inputs.versioning]",
            "[inputs.versioning]\ndefault = true",
            'input "versioning": the default belongs into variables.tf',
        ),
        (FILE, "[inputs.versioning]", "[inputs.tags]", 'input "tags" is no variable of the module'),
        (FILE, '"regions"', '"places"', 'input "region" chooses from "places", which no .tf.json file holds'),
        (
            FILE,
            'quantity = "expected_gb"',
            'quantity = "gb"',
            'price "Storage, {expected_gb} GB" uses "gb", which is no input',
        ),
        (
            FILE,
            "aws:s3:standard",
            "aws:s3:{class}",
            'price "Storage, {expected_gb} GB" uses "class", which is no input',
        ),
        (FILE, 'name = "url"', 'name = "address"', 'output "address" is not in outputs.tf'),
        (FILE, "aws_s3_bucket.this", "aws_s3_bucket.that", 'adopt: the module has no resource "aws_s3_bucket.that"'),
        (
            "outputs.tf",
            "aws_s3_bucket.this.arn",
            "aws_s3_bucket.this.arn\n  sensitive = true",
            'output "arn" is sensitive in outputs.tf: say so in offering.toml',
        ),
        ("variables.tf", 'variable "tags"', 'variable "labels"', 'variables.tf must declare "tags" as map(string)'),
        (
            "variables.tf",
            "type        = bool",
            "type        = any",
            'variable "versioning" is any; an input can be string, number, bool, list(string)',
        ),
        (
            "variables.tf",
            'variable "tags"',
            'variable "owner" {\n  type = string\n}\n\nvariable "tags"',
            'variable "owner" has no default and offering.toml does not present it',
        ),
    ],
)
def test_a_manifest_that_does_not_fit_its_module_is_refused(
    tmp_path: Path, file: str, old: str, new: str, problem: str
) -> None:
    directory = shelf.copy_of("aws/bucket", tmp_path)
    shelf.edit(directory / file, old, new)

    assert problem in problems_of(directory)


@pytest.mark.django_db
def test_every_price_line_has_a_price_in_every_region() -> None:
    """The catalogue and the price list are separate data; an order for a pair that is missing could not be priced."""
    prices = settings.BASE_DIR.glob("billing/data/prices-*.csv")
    priced = {tuple(line.split(",")[:2]) for line in max(prices).read_text("utf-8").splitlines()[1:]}
    wanted = {
        (sku, region)
        for version in shelf.load().values()
        for line in version.manifest["price"]
        for sku in _skus(version, line["sku"])
        for region in version.regions
    }

    # Google has no T2A machines in Belgium.
    not_to_be_had = {
        (f"gcp:compute:t2a-standard-{size}", "europe-west1") for size in (1, 2, 4)
    }  # Google has none there
    assert sorted(wanted - priced - not_to_be_had) == []
    assert len(wanted) > 100


def _skus(version: OfferingVersion, sku: str) -> list[str]:
    """The SKU with every value its placeholder can have."""
    found = re.search(r"{(\w+)}", sku)
    if found is None:
        return [sku]
    rows = version.schema["properties"][found.group(1)]["oneOf"]
    return [sku.replace(found.group(0), row["const"]) for row in rows]
