"""Google Cloud's adapter with Google's own libraries, against the simulated Google Cloud."""

from __future__ import annotations

import json
import time
from typing import Any

import httpx
import jwt
import pytest

from clouds.providers import CloudUnreachable, CredentialsRefused, NotPermitted, asking, get_adapter
from clouds.providers.base import Adapter
from tests.plugin import SimulatedCloud

TAGS = {"skyvend-organization": "o-9", "skyvend-resource": "r-9"}
MARK = "skyvend-resource=r-9;skyvend-organization=o-9"
ACTIONS = ["compute.instances.create", "compute.networks.get", "service:compute.googleapis.com"]
REGION = "europe-west1"


@pytest.fixture
def adapter(gcp_cloud: SimulatedCloud) -> Adapter:
    return get_adapter("gcp", gcp_cloud.endpoint)


@pytest.fixture
def credentials(gcp_cloud: SimulatedCloud) -> dict[str, str]:
    """Of a service account with a project of its own."""
    return dict(gcp_cloud.control("POST", "principals", {}).json())


def key_of(credentials: dict[str, str]) -> dict[str, str]:
    return dict(json.loads(credentials["service_account_key"]))


def changed(credentials: dict[str, str], **fields: str) -> dict[str, str]:
    return {"service_account_key": json.dumps({**key_of(credentials), **fields})}


class Standin:
    """Makes objects as the stand-in provider does."""

    def __init__(self, cloud: SimulatedCloud, credentials: dict[str, str]) -> None:
        key = key_of(credentials)
        self.cloud, self.project = cloud, key["project_id"]
        now = int(time.time())
        claims = {"iss": key["client_email"], "aud": f"{cloud.endpoint}/token", "iat": now, "exp": now + 600}
        form = {
            "grant_type": "urn:ietf:params:oauth:grant-type:jwt-bearer",
            "assertion": jwt.encode(claims, key["private_key"], "RS256"),
        }
        bearer = httpx.post(f"{cloud.endpoint}/token", data=form, trust_env=False).json()["access_token"]
        self.headers = {"Authorization": f"Bearer {bearer}"}

    def make(self, type_: str, **attributes: Any) -> str:
        scope = {"project": self.project, "region": REGION, "zone": f"{REGION}-b"}
        body = {"attributes": attributes, "scope": scope}
        url = f"{self.cloud.endpoint}/standin/v1/{type_}"
        answer = httpx.post(url, json=body, headers=self.headers, trust_env=False)
        assert answer.status_code == 201, answer.text
        return str(answer.json()["id"])

    def cluster(self, name: str, *, resource: str = "r-9", network: str = "") -> None:
        """A cluster in a network of its own, unless one is named."""
        tags = {**TAGS, "skyvend-resource": resource}
        if not network:
            network = name
            description = ";".join(f"{key}={value}" for key, value in tags.items())
            self.make("google_compute_network", name=network, description=description)
        place = {"location": f"{REGION}-b"}
        self.make("google_container_cluster", name=name, network=network, effective_labels=tags, **place)
        scaling = [{"min_node_count": 1}]
        self.make("google_container_node_pool", name="nodes", cluster=name, autoscaling=scaling, **place)


def test_the_identity_is_the_service_account_and_its_project(adapter: Adapter, credentials: dict[str, str]) -> None:
    identity = adapter.verify(credentials, "")

    key = key_of(credentials)
    assert (identity.principal, identity.owner) == (key["client_email"], key["project_id"])
    assert adapter.owner_of(identity.principal) == identity.owner


def test_wrong_credentials_are_refused_in_words_that_hold_none_of_them(
    adapter: Adapter, credentials: dict[str, str], gcp_cloud: SimulatedCloud
) -> None:
    other = key_of(gcp_cloud.control("POST", "principals", {}).json())
    wrong = {
        "Google does not know this service account": {"client_email": "nobody@skyvend-sandbox.iam.gserviceaccount.com"},
        "Google does not accept this key": {"private_key": other["private_key"]},
        "The private key in this key file is damaged|Google does not accept": {"private_key": "-----BEGIN"},
    }
    for words, change in wrong.items():
        with pytest.raises(CredentialsRefused, match=words) as refused:
            adapter.verify(changed(credentials, **change), "")
        assert "PRIVATE KEY" not in str(refused.value)


def test_a_key_that_was_deleted_is_said_to_be(
    adapter: Adapter, gcp_cloud: SimulatedCloud, credentials: dict[str, str]
) -> None:
    gcp_cloud.control("PUT", "expired", {"client_email": key_of(credentials)["client_email"]})
    with pytest.raises(CredentialsRefused, match="was deleted or has expired"):
        adapter.verify(credentials, "")


def test_a_project_of_somebody_else_is_not_seen(adapter: Adapter, credentials: dict[str, str]) -> None:
    with pytest.raises(NotPermitted, match="does not allow this service account"):
        adapter.verify(changed(credentials, project_id="skyvend-sandbox-other"), "")


def test_the_probe_names_permissions_and_apis_that_are_missing(adapter: Adapter, gcp_cloud: SimulatedCloud) -> None:
    limited = gcp_cloud.control("POST", "principals", {"denied": [ACTIONS[0]]}).json()
    gcp_cloud.control("PUT", "disabled-apis", ["compute.googleapis.com"])
    try:
        found = adapter.probe(limited, "", ACTIONS)
    finally:
        gcp_cloud.control("PUT", "disabled-apis", [])

    assert (found.missing, found.unchecked) == ([ACTIONS[0], ACTIONS[2]], [])
    assert adapter.probe(limited, "", ACTIONS).missing == [ACTIONS[0]]


def test_a_cloud_that_is_not_there_is_unreachable(credentials: dict[str, str]) -> None:
    with pytest.raises(CloudUnreachable, match="Google Cloud could not be reached"):
        get_adapter("gcp", "http://127.0.0.1:9").verify(credentials, "")


def test_objects_are_found_by_labels_or_by_what_their_description_says(
    adapter: Adapter, gcp_cloud: SimulatedCloud, credentials: dict[str, str]
) -> None:
    standin = Standin(gcp_cloud, credentials)
    network = standin.make("google_compute_network", name="net", description=MARK)
    subnet = standin.make(
        "google_compute_subnetwork", name="sub", network="net", ip_cidr_range="10.0.0.0/24", region=REGION,
        description=MARK,
    )  # fmt: skip
    address = standin.make("google_compute_address", name="web", effective_labels=TAGS, region=REGION)
    bucket = standin.make(
        "google_storage_bucket", name=f"b-{standin.project}", location="EUROPE-WEST1", effective_labels=TAGS
    )
    account = standin.make("google_service_account", account_id="web-nodes", description=MARK)
    standin.make("google_compute_address", name="far", effective_labels=TAGS, region="us-east1")
    standin.make("google_compute_network", name="other", description="skyvend-resource=r-10")

    found = adapter.tagged_objects(credentials, REGION, TAGS)

    assert [(each.object_type, each.id) for each in found] == [
        ("compute:address", address),
        ("compute:network", network),
        ("compute:subnetwork", subnet),
        ("iam:serviceaccount", account),
        ("storage:bucket", bucket),
    ]


def test_a_cluster_and_its_pool_are_found_without_the_machines_that_go_with_them(
    adapter: Adapter, gcp_cloud: SimulatedCloud, credentials: dict[str, str]
) -> None:
    standin = Standin(gcp_cloud, credentials)
    standin.cluster("kube")

    found = adapter.tagged_objects(credentials, REGION, TAGS)

    assert [(each.object_type, each.name) for each in found] == [
        ("compute:network", "kube"),
        ("container:cluster", "kube"),
        ("container:nodepool", "nodes"),
    ]


@pytest.fixture
def clusters(gcp_cloud: SimulatedCloud, credentials: dict[str, str]) -> dict[str, list[str]]:
    """Two clusters of one project, whose names begin alike, and what each made."""
    standin = Standin(gcp_cloud, credentials)
    made: dict[str, list[str]] = {}
    base = f"c{standin.project[-6:]}"
    for name, resource in ((base, "r-9"), (f"{base}-nodes", "r-11")):
        standin.cluster(name, resource=resource)
        made[name] = gcp_cloud.control("POST", "leftovers", {"cluster": name}).json()["ids"]
    return made


def test_what_one_cluster_made_is_found_and_removed_and_nothing_of_another(
    adapter: Adapter, credentials: dict[str, str], clusters: dict[str, list[str]]
) -> None:
    (one, its_own), (two, others) = clusters.items()

    left = adapter.leftovers(credentials, REGION, one)
    for each in left:
        adapter.remove(credentials, REGION, each)
        adapter.remove(credentials, REGION, each)  # one that is gone already is fine

    assert {each.id for each in left} == set(its_own)
    assert left[0].object_type == "compute:forwardingrule"
    assert adapter.leftovers(credentials, REGION, one) == []
    assert {each.id for each in adapter.leftovers(credentials, REGION, two)} == set(others)
    assert adapter.leftovers(credentials, REGION, "no-such-cluster") == []


def test_in_a_network_it_shares_only_what_is_surely_the_clusters_is_removed(
    adapter: Adapter, gcp_cloud: SimulatedCloud, credentials: dict[str, str]
) -> None:
    standin = Standin(gcp_cloud, credentials)
    standin.make("google_compute_network", name="shared", description="Of the company")
    for name in ("mine", "theirs"):
        standin.cluster(f"{name}-{standin.project[-6:]}", network="shared")
    mine, theirs = (
        gcp_cloud.control("POST", "leftovers", {"cluster": f"{name}-{standin.project[-6:]}"}).json()["ids"]
        for name in ("mine", "theirs")
    )

    found = {each.id for each in adapter.leftovers(credentials, REGION, f"mine-{standin.project[-6:]}")}

    assert found <= set(mine)
    assert found & set(theirs) == set()
    assert {id_ for id_ in mine if "/networkEndpointGroups/" not in id_} == found


def test_a_token_of_ours_is_exchanged_for_one_of_the_service_account(
    adapter: Adapter, credentials: dict[str, str]
) -> None:
    key = key_of(credentials)
    keyless = {
        "method": "oidc",
        "project_id": key["project_id"],
        "service_account_email": key["client_email"],
        "workload_identity_provider": "projects/1/locations/global/workloadIdentityPools/skyvend/providers/skyvend",
    }
    claims = {
        "iss": "https://skyvend.example.com",
        "sub": "organization:1:account:2:purpose:verify",
        "aud": f"//iam.googleapis.com/{keyless['workload_identity_provider']}",
        "exp": time.time() + 600,
    }

    def verified(**changes: Any) -> str:
        token = jwt.encode({**claims, **changes}, "x" * 32, "HS256")
        return adapter.verify({**keyless, "web_identity_token": token}, "").owner

    assert verified() == key["project_id"]
    with pytest.raises(CredentialsRefused, match="expects another audience"):
        verified(aud="sts.amazonaws.com")
    with pytest.raises(CredentialsRefused, match="the clock of this platform is wrong"):
        verified(exp=time.time() - 1)
    with pytest.raises(CredentialsRefused):
        adapter.verify({**keyless, "web_identity_token": "nonsense"}, "")


def test_the_web_asks_in_a_process_of_its_own(gcp_cloud: SimulatedCloud, credentials: dict[str, str]) -> None:
    identity, permissions = asking.ask("gcp", gcp_cloud.endpoint, credentials, "", ACTIONS)

    assert identity.owner == key_of(credentials)["project_id"]
    assert (permissions.missing, permissions.unchecked) == ([], [])
