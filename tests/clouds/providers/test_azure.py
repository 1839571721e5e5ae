"""Azure's adapter with Azure's own SDK, against the simulated Azure."""

from __future__ import annotations

import subprocess
import sys
import time
from typing import Any

import httpx
import jwt
import pytest
from django.conf import settings

from clouds.providers import CloudUnreachable, CredentialsRefused, NotPermitted, asking, get_adapter
from clouds.providers.base import Adapter
from tests.plugin import SimulatedCloud

TAGS = {"skyvend-organization": "o-9", "skyvend-resource": "r-9"}
ACTIONS = ["Microsoft.Compute/virtualMachines/write", "Microsoft.Network/virtualNetworks/read"]


@pytest.fixture
def adapter(azure_cloud: SimulatedCloud) -> Adapter:
    return get_adapter("azure", azure_cloud.endpoint)


class Standin:
    """Makes objects as the stand-in provider does."""

    def __init__(self, cloud: SimulatedCloud, credentials: dict[str, str]) -> None:
        self.cloud, self.subscription = cloud, credentials["subscription_id"]
        form = {"client_id": credentials["client_id"], "client_secret": credentials["client_secret"]}
        url = f"{cloud.endpoint}/{credentials['tenant_id']}/oauth2/v2.0/token"
        bearer = httpx.post(url, data=form, trust_env=False).json()["access_token"]
        self.headers = {"Authorization": f"Bearer {bearer}"}

    def make(self, type_: str, **attributes: Any) -> str:
        body = {"attributes": attributes, "scope": {"subscription_id": self.subscription}}
        url = f"{self.cloud.endpoint}/standin/v1/{type_}"
        answer = httpx.post(url, json=body, headers=self.headers, trust_env=False)
        assert answer.status_code == 201, answer.text
        return str(answer.json()["id"])

    def cluster(self, name: str) -> None:
        group = {"resource_group_name": f"rg-{name}", "location": "westeurope"}
        self.make("azurerm_resource_group", name=f"rg-{name}", location="westeurope", tags=TAGS)
        pool = {"name": "nodes", "vm_size": "Standard_B2s", "min_count": 1}
        self.make(
            "azurerm_kubernetes_cluster", name=name, dns_prefix=name, default_node_pool=[pool], tags=TAGS,
            node_resource_group=f"rg-{name}-nodes", **group,
        )  # fmt: skip


@pytest.fixture
def credentials(azure_cloud: SimulatedCloud) -> dict[str, str]:
    """Of an application with a subscription of its own."""
    return dict(azure_cloud.control("POST", "principals", {}).json())


def test_the_identity_is_the_application_and_its_subscription(adapter: Adapter, credentials: dict[str, str]) -> None:
    identity = adapter.verify(credentials, "")

    assert identity.owner == credentials["subscription_id"]
    assert identity.principal == (
        f"client {credentials['client_id']} in Simulated subscription ({credentials['subscription_id']})"
    )
    assert adapter.owner_of(identity.principal) == identity.owner


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"client_secret": "wrong~wrong~wrong~wrong~wrong~wrong~wrong"}, "The client secret is wrong"),
        ({"client_id": "11111111-1111-4111-8111-111111111111"}, "There is no application with this client ID"),
        ({"tenant_id": "11111111-1111-4111-8111-111111111111"}, "There is no tenant with this ID"),
        ({"subscription_id": "11111111-1111-4111-8111-111111111111"}, "cannot see the subscription"),
    ],
)
def test_wrong_credentials_are_refused_in_words_that_hold_none_of_them(
    adapter: Adapter, credentials: dict[str, str], change: dict[str, str], words: str
) -> None:
    wrong = credentials | change

    with pytest.raises(CredentialsRefused, match=words) as refused:
        adapter.verify(wrong, "")

    assert [value for value in wrong.values() if value in str(refused.value)] == []


def test_an_expired_secret_is_said_to_be_expired(
    adapter: Adapter, azure_cloud: SimulatedCloud, credentials: dict[str, str]
) -> None:
    azure_cloud.control("PUT", "expired", {"client_id": credentials["client_id"]})
    with pytest.raises(CredentialsRefused, match="has expired"):
        adapter.verify(credentials, "")


def test_the_probe_names_what_is_missing(adapter: Adapter, azure_cloud: SimulatedCloud) -> None:
    limited = azure_cloud.control("POST", "principals", {"denied": [ACTIONS[0]]}).json()

    found = adapter.probe(limited, "", ACTIONS)

    assert (found.missing, found.unchecked) == ([ACTIONS[0]], [])


def test_a_cloud_that_is_not_there_is_unreachable(credentials: dict[str, str]) -> None:
    with pytest.raises(CloudUnreachable, match="Azure could not be reached"):
        get_adapter("azure", "http://127.0.0.1:9").verify(credentials, "")


def test_objects_are_found_by_all_their_tags_with_the_children_that_carry_none(
    adapter: Adapter, azure_cloud: SimulatedCloud, credentials: dict[str, str]
) -> None:
    standin = Standin(azure_cloud, credentials)
    place = {"resource_group_name": "rg-web", "location": "westeurope"}
    group = standin.make("azurerm_resource_group", name="rg-web", location="westeurope", tags=TAGS)
    network = standin.make("azurerm_virtual_network", name="net", address_space=["10.0.0.0/16"], tags=TAGS, **place)
    subnet = standin.make(
        "azurerm_subnet", name="default", virtual_network_name="net", address_prefixes=["10.0.0.0/24"],
        resource_group_name="rg-web",
    )  # fmt: skip
    standin.make("azurerm_public_ip", name="other", tags={**TAGS, "skyvend-resource": "r-10"}, **place)

    found = adapter.tagged_objects(credentials, "westeurope", TAGS)

    assert [(each.object_type, each.id) for each in found] == [
        ("microsoft.network/virtualnetworks", network),
        ("microsoft.network/virtualnetworks/subnets", subnet),
        ("microsoft.resources/resourcegroups", group),
    ]


@pytest.fixture
def clusters(azure_cloud: SimulatedCloud, credentials: dict[str, str]) -> dict[str, list[str]]:
    """Two clusters and what each made."""
    standin = Standin(azure_cloud, credentials)
    made: dict[str, list[str]] = {}
    for name in (f"one-{credentials['client_id'][:8]}", f"two-{credentials['client_id'][:8]}"):
        standin.cluster(name)
        made[name] = azure_cloud.control("POST", "leftovers", {"cluster": name}).json()["ids"]
    return made


def test_what_one_cluster_made_is_found_and_removed_and_nothing_of_another(
    adapter: Adapter, credentials: dict[str, str], clusters: dict[str, list[str]]
) -> None:
    (one, its_own), (two, others) = clusters.items()

    left = adapter.leftovers(credentials, "westeurope", one)
    for each in left:
        adapter.remove(credentials, "westeurope", each)
        adapter.remove(credentials, "westeurope", each)  # one that is gone already is fine

    assert {each.id for each in left} == set(its_own)
    assert left[0].object_type == "microsoft.network/loadbalancers"
    assert adapter.leftovers(credentials, "westeurope", one) == []
    assert {each.id for each in adapter.leftovers(credentials, "westeurope", two)} == set(others)
    assert adapter.leftovers(credentials, "westeurope", "no-such-cluster") == []


def test_what_aks_manages_itself_is_not_taken_for_a_stray(
    adapter: Adapter, credentials: dict[str, str], clusters: dict[str, list[str]]
) -> None:
    found = {each.name for each in adapter.tagged_objects(credentials, "westeurope", TAGS)}

    assert found == {name for cluster in clusters for name in (cluster, f"rg-{cluster}")}


# --- asked from the web ---------------------------------------------------------------------------------------------


def test_the_web_asks_in_a_process_of_its_own(azure_cloud: SimulatedCloud, credentials: dict[str, str]) -> None:
    identity, permissions = asking.ask("azure", azure_cloud.endpoint, credentials, "", ACTIONS)

    assert identity.owner == credentials["subscription_id"]
    assert (permissions.missing, permissions.unchecked) == ([], [])


def test_a_refusal_comes_back_as_what_it_was(azure_cloud: SimulatedCloud, credentials: dict[str, str]) -> None:
    with pytest.raises(CredentialsRefused, match="The client secret is wrong"):
        asking.ask("azure", azure_cloud.endpoint, {**credentials, "client_secret": "no"}, "", ACTIONS)
    assert issubclass(asking.ERRORS["NotPermitted"], NotPermitted)


def test_what_the_web_loads_holds_no_heavy_sdk() -> None:
    program = (
        "import django, sys; django.setup(); import config.urls, clouds.providers.azure, clouds.providers.asking; "
        "print([name for name in sys.modules if name.startswith(('azure.', 'google.cloud'))])"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=settings.BASE_DIR, capture_output=True, text=True, check=False
    )
    assert done.stdout.strip().splitlines()[-1] == "[]", done.stderr


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"aud": "sts.amazonaws.com"}, "is for another audience"),
        ({"exp": 1}, "the clock of this platform is wrong"),
        ({"sub": ""}, "cannot read the platform's token"),
    ],
)
def test_a_token_of_ours_signs_in_unless_something_in_it_is_wrong(
    adapter: Adapter, credentials: dict[str, str], changes: dict[str, Any], words: str
) -> None:
    claims = {
        "iss": "https://skyvend.example.com",
        "sub": "organization:1:account:2",
        "aud": "api://AzureADTokenExchange",
        "exp": time.time() + 600,
    }
    keyless = {name: value for name, value in credentials.items() if name != "client_secret"}

    def token(**changed: Any) -> dict[str, str]:
        signed = jwt.encode({**claims, **changed}, "x" * 32, "HS256")
        return {**keyless, "method": "oidc", "web_identity_token": signed}

    assert adapter.verify(token(), "").owner == credentials["subscription_id"]
    with pytest.raises(CredentialsRefused) as raised:
        adapter.verify(token(**changes), "")
    assert words in str(raised.value)
