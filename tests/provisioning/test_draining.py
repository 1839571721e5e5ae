"""What a cluster made by itself goes before the cluster does."""

from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from accounts.models import Organization
from clouds.models import OfferingVersion
from clouds.services import CloudError, CloudObject
from provisioning.execution import draining
from provisioning.models import Operation, ResourceStatus, Run, RunEvent, RunStatus

from .engine import PLAIN, make_account, make_resource, make_run, make_version, modules, running, work

__all__ = ["modules", "work"]
pytestmark = pytest.mark.django_db(transaction=True)
BALANCER = CloudObject(object_type="elb:load-balancer", id="lb-1", arn="arn:lb-1", name="a1b2")
VOLUME = CloudObject(object_type="ec2:volume", id="vol-1", arn="arn:vol-1", name="pvc-1")
CLUSTER = PLAIN + 'output "cluster_name" { value = "prod-cluster" }\n'


class Cloud:
    """Holds what a cluster left; ``stubborn`` ids are refused that many times before they go."""

    def __init__(self) -> None:
        self.left: list[CloudObject] = []
        self.stubborn: dict[str, int] = {}
        self.asked: list[tuple[str, str]] = []  # (cluster, region)
        self.removed: list[str] = []
        self.is_away = False

    def leftovers(self, *, cloud_account_id: Any, region: str, cluster: str, purpose: Any) -> list[CloudObject]:
        if self.is_away:
            raise CloudError("The cloud could not be reached.")
        self.asked.append((cluster, region))
        return list(self.left)

    def remove_leftover(self, *, cloud_account_id: Any, region: str, found: CloudObject, purpose: Any) -> None:
        if self.stubborn.get(found.id, 0):
            self.stubborn[found.id] -= 1
            raise CloudError("It is still in use.")
        self.removed.append(found.id)
        self.left.remove(found)


@pytest.fixture
def cloud(monkeypatch: pytest.MonkeyPatch) -> Cloud:
    cloud = Cloud()
    monkeypatch.setattr(draining, "PAUSE", 0)
    monkeypatch.setattr(draining.clouds, "leftovers", cloud.leftovers, raising=False)
    monkeypatch.setattr(draining.clouds, "remove_leftover", cloud.remove_leftover, raising=False)
    return cloud


@pytest.fixture
def cluster(modules: Path, db: None, work: Callable[[Run], Run]) -> Callable[..., SimpleNamespace]:
    """``cluster()`` makes one with the engine; its ``destroy()`` asks for and works its destroy."""

    def make(text: str = CLUSTER, *, drained: bool = True) -> SimpleNamespace:
        version = make_version(modules, text)
        if drained:
            OfferingVersion.objects.filter(pk=version.pk).update(
                manifest={**version.manifest, "drain": {"cluster": "cluster_name"}}
            )
        organization, _ = Organization.objects.get_or_create(name="Acme", slug="acme")
        resource = make_resource(version, make_account(organization), name="web")
        assert work(make_run(resource)).status == RunStatus.SUCCEEDED
        return SimpleNamespace(resource=resource, destroy=lambda: work(make_run(resource, Operation.DESTROY)))

    return make


def drained(run: Run) -> list[str]:
    return list(RunEvent.objects.filter(run=run, kind="drain").order_by("seq").values_list("message", flat=True))


def test_a_destroy_first_removes_what_the_cluster_made_and_says_so(cluster: Any, cloud: Cloud) -> None:
    cloud.left = [BALANCER, VOLUME]

    done = cluster().destroy()

    assert (done.error, done.status, done.resource.status) == (None, RunStatus.SUCCEEDED, ResourceStatus.DESTROYED)
    assert cloud.removed == ["lb-1", "vol-1"]
    assert set(cloud.asked) == {("prod-cluster", "eu-west-1")}
    assert drained(done) == [
        "Looking for what the cluster prod-cluster made by itself",
        "Removing elb:load-balancer a1b2",
        "Removing ec2:volume pvc-1",
        "2 removed, nothing else is left",
    ]


def test_what_hangs_on_another_is_asked_for_again(cluster: Any, cloud: Cloud) -> None:
    cloud.left, cloud.stubborn = [BALANCER, VOLUME], {"lb-1": 2}

    done = cluster().destroy()

    assert (done.status, cloud.removed) == (RunStatus.SUCCEEDED, ["vol-1", "lb-1"])
    assert drained(done).count("Removing elb:load-balancer a1b2") == 1


def test_what_does_not_go_fails_the_destroy_with_its_name_and_leaves_the_cluster(cluster: Any, cloud: Cloud) -> None:
    cloud.left, cloud.stubborn = [BALANCER], {"lb-1": 99}

    done = cluster().destroy()

    assert (done.status, done.error["code"]) == (RunStatus.FAILED, "left_over")
    assert "elb:load-balancer a1b2" in done.error["summary"]
    assert done.resource.status == ResourceStatus.FAILED
    assert not RunEvent.objects.filter(run=done, kind="apply_start").exists()


def test_a_cloud_that_does_not_answer_fails_the_destroy_before_anything_is_destroyed(
    cluster: Any, cloud: Cloud
) -> None:
    made = cluster()
    cloud.is_away = True

    done = made.destroy()

    assert (done.status, done.error["code"], done.error["summary"]) == (
        RunStatus.FAILED,
        "account",
        "The cloud could not be reached.",
    )


def test_a_destroy_that_something_is_in_the_way_of_looks_again_and_goes_on(
    cluster: Any, cloud: Cloud, monkeypatch: pytest.MonkeyPatch
) -> None:
    refuses_once = "test -e tried || { touch tried; echo DependencyViolation >&2; exit 1; }"
    made = cluster(CLUSTER + running("true", on_destroy=refuses_once).replace(PLAIN, ""))
    looks = [[], [BALANCER], []]  # made anew between the drain and the destroy
    monkeypatch.setattr(draining.clouds, "leftovers", lambda **_: looks.pop(0))
    cloud.left = [BALANCER]

    done = made.destroy()

    assert (done.error, done.status, looks) == (None, RunStatus.SUCCEEDED, [])
    assert cloud.removed == ["lb-1"]
    assert "Something is in the way: looking again" in drained(done)


def test_a_module_that_makes_no_cluster_is_not_looked_for(cluster: Any, cloud: Cloud) -> None:
    done = cluster(PLAIN, drained=False).destroy()

    assert (done.status, cloud.asked, drained(done)) == (RunStatus.SUCCEEDED, [], [])
