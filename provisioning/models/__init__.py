"""The product: resources, runs, their events, state versions, and the workers that make them."""

from .resources import LIVE_RESOURCE_STATUSES, Resource, ResourceStatus
from .runs import (
    ENDED_RUN_STATUSES,
    LIVE_RUN_STATUSES,
    WORKING_RUN_STATUSES,
    IllegalTransition,
    Operation,
    Run,
    RunEvent,
    RunStatus,
)
from .sizing import SizingDirection, SizingProposal, SizingReading, SizingStatus, SizingVerdict
from .states import StateVersion
from .workers import Worker

__all__ = [
    "ENDED_RUN_STATUSES",
    "LIVE_RESOURCE_STATUSES",
    "LIVE_RUN_STATUSES",
    "WORKING_RUN_STATUSES",
    "IllegalTransition",
    "Operation",
    "Resource",
    "ResourceStatus",
    "Run",
    "RunEvent",
    "RunStatus",
    "SizingDirection",
    "SizingProposal",
    "SizingReading",
    "SizingStatus",
    "SizingVerdict",
    "StateVersion",
    "Worker",
]
