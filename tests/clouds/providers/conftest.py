from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

import boto3
import pytest
from moto import mock_aws
from moto.core import set_initial_no_auth_action_count

from clouds.providers.aws import AwsAdapter

REGION = "eu-west-1"
KEYS = {"access_key_id": "AKIAIOSFODNN7EXAMPLE", "secret_access_key": "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"}


@pytest.fixture
def aws() -> Iterator[AwsAdapter]:
    """The adapter of the real AWS, with moto in its place inside this process."""
    with mock_aws():
        yield AwsAdapter()


@pytest.fixture
def user_with(aws: AwsAdapter) -> Callable[..., dict[str, str]]:
    """Make an IAM user allowed ``actions`` and return its keys."""

    def make(*actions: str) -> dict[str, str]:
        iam = boto3.client("iam", region_name="us-east-1")
        iam.create_user(UserName="skyvend")
        policy = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": list(actions), "Resource": "*"}]}
        iam.put_user_policy(UserName="skyvend", PolicyName="p", PolicyDocument=json.dumps(policy))
        key = iam.create_access_key(UserName="skyvend")["AccessKey"]
        return {"access_key_id": key["AccessKeyId"], "secret_access_key": key["SecretAccessKey"]}

    return make


def enforced(function: Callable[..., Any]) -> Callable[..., Any]:
    """Run ``function`` while moto checks signatures and policies as AWS does."""
    return set_initial_no_auth_action_count(0)(function)  # type: ignore[no-any-return]
