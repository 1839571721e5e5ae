"""What can be done with resources and runs. Every function checks the actor's right and audits what it writes."""

from .changes import (
    detect_drift,
    forget,
    has_vanished,
    held_for,
    merged_inputs,
    request_destroy,
    request_update,
    retry,
)
from .commitments import coming
from .errors import (
    CannotChange,
    CannotUseAccount,
    IdempotencyConflict,
    NameTaken,
    NotPossible,
    Refused,
    RunInProgress,
)
from .ordering import USABLE, estimate, request_resource, resource_id_of
from .outputs import NoKubeconfig, read_kubeconfig, read_outputs
from .power import request_start, request_stop, stopped_monthly
from .repricing import RepricedLine, Repricing, reprice, repricing_of, running_resources
from .runs import approve_run, cancel_run, discard_run
from .shelf import current_version, current_versions, price_of, version_by_id
from .sizing import dismiss_proposal, look_again, look_at_account, open_proposal
from .tagging import merged_tags, set_tags

__all__ = [
    "USABLE",
    "CannotChange",
    "CannotUseAccount",
    "IdempotencyConflict",
    "NameTaken",
    "NoKubeconfig",
    "NotPossible",
    "Refused",
    "RepricedLine",
    "Repricing",
    "RunInProgress",
    "approve_run",
    "cancel_run",
    "coming",
    "current_version",
    "current_versions",
    "detect_drift",
    "discard_run",
    "dismiss_proposal",
    "estimate",
    "forget",
    "has_vanished",
    "held_for",
    "look_again",
    "look_at_account",
    "merged_inputs",
    "merged_tags",
    "open_proposal",
    "price_of",
    "read_kubeconfig",
    "read_outputs",
    "reprice",
    "repricing_of",
    "request_destroy",
    "request_resource",
    "request_start",
    "request_stop",
    "request_update",
    "resource_id_of",
    "retry",
    "running_resources",
    "set_tags",
    "stopped_monthly",
    "version_by_id",
]
