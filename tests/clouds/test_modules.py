"""The released modules under the real Terraform: each one's own tests, and AWS's against a simulated AWS."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError
from django.conf import settings

from provisioning.terraform import binary, mirror
from sandbox import standins

MODULES = sorted(path.parent for path in settings.TERRAFORM_MODULES.glob("*/*/*/offering.toml"))
TAGS = {"skyvend-organization": "o-1", "skyvend-resource": "r-1", "skyvend-run": "n-1"}
REGION = "eu-west-1"
MOCKS_SINCE = {"terraform": (1, 7), "opentofu": (1, 8)}  # `mock_provider` in tests
# What a simulated account needs and a module must not know.
SANDBOX = {
    "provider": {
        "aws": {
            "skip_credentials_validation": True,
            "skip_metadata_api_check": True,
            "skip_requesting_account_id": True,
            "s3_use_path_style": True,
        }
    }
}


class Terraform:
    """One initialised copy of a module."""

    def __init__(self, engine: binary.Binary, providers: Path, module: Path, directory: Path, endpoint: str) -> None:
        self.engine, self.directory = engine, directory
        shutil.copytree(module, directory)
        if endpoint:
            (directory / "sandbox_override.tf.json").write_text(json.dumps(SANDBOX))
        self.environment = {
            "PATH": os.environ["PATH"],
            "HOME": str(directory),
            "TF_CLI_CONFIG_FILE": os.devnull,
            "CHECKPOINT_DISABLE": "1",
            "AWS_ENDPOINT_URL": endpoint or "http://127.0.0.1:9",
            "AWS_ACCESS_KEY_ID": "testing",
            "AWS_SECRET_ACCESS_KEY": "testing",
            "AWS_EC2_METADATA_DISABLED": "true",
        }
        self("init", "-input=false", f"-plugin-dir={providers}")

    def __call__(self, *arguments: str, expected: int = 0) -> str:
        done = subprocess.run(
            [str(self.engine.path), *arguments, "-no-color"],
            cwd=self.directory,
            env=self.environment,
            capture_output=True,
            text=True,
            check=False,
            timeout=300,
        )
        assert done.returncode == expected, done.stdout + done.stderr
        return done.stdout

    def apply(self, **variables: Any) -> dict[str, Any]:
        """Apply with ``variables`` and return the outputs, once a second plan finds nothing left to do."""
        (self.directory / "terraform.tfvars.json").write_text(json.dumps(variables))
        self("apply", "-auto-approve", "-input=false")
        self("plan", "-detailed-exitcode", "-input=false")  # 2 would mean changes
        return {name: output["value"] for name, output in json.loads(self("output", "-json")).items()}

    def destroy(self) -> None:
        self("destroy", "-auto-approve", "-input=false")


@pytest.fixture(scope="module")
def engine() -> binary.Binary:
    try:
        return binary.find(configured=settings.TERRAFORM_BINARY, data=settings.DATA)
    except binary.NoEngine as error:
        pytest.skip(str(error))


@pytest.fixture(scope="module")
def providers(engine: binary.Binary) -> Path:
    try:
        return mirror.find(
            configured=settings.TERRAFORM_PLUGIN_MIRROR,
            data=settings.DATA,
            binary=engine,
            modules=settings.TERRAFORM_MODULES,
        )
    except mirror.NoMirror as error:
        pytest.skip(str(error))


def client(service: str, endpoint: str) -> Any:
    return boto3.client(
        service,
        endpoint_url=endpoint,
        region_name=REGION,
        aws_access_key_id="testing",
        aws_secret_access_key="testing",
        config=Config(retries={"max_attempts": 0}),
    )


def as_tags(pairs: list[dict[str, str]]) -> dict[str, str]:
    return {pair["Key"]: pair["Value"] for pair in pairs}


@pytest.fixture(scope="module")
def standin_providers(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Those of Azure and Google: true schemas, and nothing behind them."""
    return standins.install(tmp_path_factory.mktemp("standins"))


@pytest.mark.parametrize("module", MODULES, ids=lambda path: "/".join(path.parts[-3:]))
def test_a_module_is_valid_and_passes_its_own_tests(
    module: Path, engine: binary.Binary, providers: Path, standin_providers: Path, tmp_path: Path
) -> None:
    of_cloud = providers if module.parts[-3] == "aws" else standin_providers
    terraform = Terraform(engine, of_cloud, module, tmp_path / "module", "")

    assert json.loads(terraform("validate", "-json"))["valid"] is True
    if tuple(int(part) for part in engine.version.split(".")[:2]) >= MOCKS_SINCE[engine.product]:
        assert "0 failed" in terraform("test")


@pytest.fixture
def machine(engine: binary.Binary, providers: Path, tmp_path: Path, moto: str) -> Iterator[Terraform]:
    terraform = Terraform(engine, providers, settings.TERRAFORM_MODULES / "aws/vm/1.0.0", tmp_path / "vm", moto)
    yield terraform
    terraform.destroy()


def test_a_machine_is_as_safe_as_promised_and_changes_in_place(machine: Terraform, moto: str) -> None:
    ec2 = client("ec2", moto)
    inputs: dict[str, Any] = {"name": "safe-vm", "region": REGION, "size": "small", "tags": TAGS}

    outputs = machine.apply(**inputs, allow_ssh_from=["203.0.113.0/24"])

    instance = ec2.describe_instances(InstanceIds=[outputs["instance_id"]])["Reservations"][0]["Instances"][0]
    assert (instance["InstanceType"], instance["State"]["Name"]) == ("t3.small", "running")
    assert instance["MetadataOptions"]["HttpTokens"] == "required"
    assert as_tags(instance["Tags"]) == {**TAGS, "Name": "safe-vm"}
    assert outputs["public_ip"] == instance["PublicIpAddress"]
    assert outputs["private_ip"] == instance["PrivateIpAddress"]
    assert outputs["ssh_command"] == f"ssh ubuntu@{instance['PublicIpAddress']}"
    image = ec2.describe_images(ImageIds=[instance["ImageId"]])["Images"][0]
    assert "ubuntu-noble-24.04-amd64" in image["Name"]
    volume = disk_of(ec2, instance)
    assert (volume["Size"], volume["VolumeType"], volume["Encrypted"]) == (20, "gp3", True)
    assert as_tags(volume["Tags"]) == {**TAGS, "Name": "safe-vm"}
    assert open_ports(ec2, instance) == [(22, 22, ["203.0.113.0/24"])]

    changed = machine.apply(**inputs, disk_gb=30)

    assert changed["instance_id"] == outputs["instance_id"]
    assert disk_of(ec2, instance)["Size"] == 30
    assert open_ports(ec2, instance) == []


def disk_of(ec2: Any, instance: dict[str, Any]) -> dict[str, Any]:
    ids = [mapping["Ebs"]["VolumeId"] for mapping in instance["BlockDeviceMappings"]]
    volumes: list[dict[str, Any]] = ec2.describe_volumes(VolumeIds=ids)["Volumes"]
    assert len(volumes) == 1
    return volumes[0]


def open_ports(ec2: Any, instance: dict[str, Any]) -> list[tuple[int, int, list[str]]]:
    ids = [group["GroupId"] for group in instance["SecurityGroups"]]
    groups = ec2.describe_security_groups(GroupIds=ids)["SecurityGroups"]
    return [
        (rule["FromPort"], rule["ToPort"], [block["CidrIp"] for block in rule["IpRanges"]])
        for group in groups
        for rule in group["IpPermissions"]
    ]


def test_a_machine_with_a_network_of_its_own_leaves_nothing_behind(machine: Terraform, moto: str) -> None:
    ec2 = client("ec2", moto)
    vpcs = len(ec2.describe_vpcs()["Vpcs"])

    outputs = machine.apply(
        name="own-vm", region=REGION, machine_type="t4g.small", image="debian-12", network="own", tags=TAGS
    )

    instance = ec2.describe_instances(InstanceIds=[outputs["instance_id"]])["Reservations"][0]["Instances"][0]
    assert "debian-12-arm64" in ec2.describe_images(ImageIds=[instance["ImageId"]])["Images"][0]["Name"]
    assert outputs["ssh_command"] == f"ssh admin@{outputs['public_ip']}"
    vpc = ec2.describe_vpcs(VpcIds=[instance["VpcId"]])["Vpcs"][0]
    assert (vpc["IsDefault"], as_tags(vpc["Tags"])) == (False, {**TAGS, "Name": "own-vm"})

    machine.destroy()

    assert len(ec2.describe_vpcs()["Vpcs"]) == vpcs
    gone = ec2.describe_instances(InstanceIds=[outputs["instance_id"]])["Reservations"][0]["Instances"][0]
    assert gone["State"]["Name"] == "terminated"


@pytest.fixture
def bucket(engine: binary.Binary, providers: Path, tmp_path: Path, moto: str) -> Iterator[Terraform]:
    terraform = Terraform(engine, providers, settings.TERRAFORM_MODULES / "aws/bucket/1.0.0", tmp_path / "bucket", moto)
    yield terraform
    terraform.destroy()


def test_a_bucket_is_as_safe_as_promised_and_goes_with_all_it_holds(bucket: Terraform, moto: str) -> None:
    s3 = client("s3", moto)
    inputs: dict[str, Any] = {"name": "logs", "unique_suffix": "0123abcd", "region": REGION, "tags": TAGS}

    outputs = bucket.apply(**inputs)

    name = "logs-0123abcd"
    assert outputs == {
        "name": name,
        "url": f"https://{name}.s3.{REGION}.amazonaws.com",
        "arn": f"arn:aws:s3:::{name}",
    }
    assert as_tags(s3.get_bucket_tagging(Bucket=name)["TagSet"]) == {**TAGS, "Name": "logs"}
    assert set(s3.get_public_access_block(Bucket=name)["PublicAccessBlockConfiguration"].values()) == {True}
    policy = json.loads(s3.get_bucket_policy(Bucket=name)["Policy"])["Statement"][0]
    assert (policy["Effect"], policy["Condition"]) == ("Deny", {"Bool": {"aws:SecureTransport": "false"}})
    rule = s3.get_bucket_encryption(Bucket=name)["ServerSideEncryptionConfiguration"]["Rules"][0]
    assert rule["ApplyServerSideEncryptionByDefault"]["SSEAlgorithm"] == "AES256"
    ownership = s3.get_bucket_ownership_controls(Bucket=name)["OwnershipControls"]["Rules"]
    assert ownership == [{"ObjectOwnership": "BucketOwnerEnforced"}]
    assert "Status" not in s3.get_bucket_versioning(Bucket=name)

    bucket.apply(**inputs, versioning=True)
    assert s3.get_bucket_versioning(Bucket=name)["Status"] == "Enabled"
    bucket.apply(**inputs)
    assert s3.get_bucket_versioning(Bucket=name)["Status"] == "Suspended"

    with pytest.raises(ClientError, match="403"):  # the simulated AWS speaks no TLS, and honours the policy
        s3.put_object(Bucket=name, Key="kept", Body=b"data")
    s3.delete_bucket_policy(Bucket=name)
    s3.put_object(Bucket=name, Key="kept", Body=b"data")
    bucket.destroy()

    with pytest.raises(ClientError, match="404"):
        s3.head_bucket(Bucket=name)
