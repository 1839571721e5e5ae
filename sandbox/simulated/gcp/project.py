"""What belongs to a project: service accounts, who may do what, APIs that are switched on."""

from __future__ import annotations

from sandbox.simulated.store import Object, Store

from .kinds import Attributes, Kind, fingerprint, number_of


def service_account(_store: Store, id_: str, attributes: Attributes, _before: Object | None) -> Attributes:
    email = id_.rpartition("/")[2]
    return {
        "name": id_,
        "email": email,
        "member": f"serviceAccount:{email}",
        "unique_id": number_of(id_) + "00",
        "disabled": bool(attributes.get("disabled")),
    }


def member(_store: Store, id_: str, _attributes: Attributes, _before: Object | None) -> Attributes:
    return {"etag": fingerprint(id_)}


def service(store: Store, _id: str, attributes: Attributes, _before: Object | None) -> Attributes:
    """Switching an API on takes it from the list of those that are off."""
    disabled = [each for each in store.setting("disabled_apis", []) if each != attributes["service"]]
    store.set_setting("disabled_apis", disabled)
    return {}


KINDS = {
    "google_service_account": Kind(
        "service account",
        "iam.serviceAccounts",
        "projects/{project}/serviceAccounts/{account_id}@{project}.iam.gserviceaccount.com",
        service_account,
    ),
    "google_project_iam_member": Kind(
        "IAM Member", "resourcemanager.projects.setIamPolicy", "{project}/{role}/{member}", member
    ),
    "google_project_service": Kind("Project Service", "serviceusage.services", "{project}/{service}", service),
}
