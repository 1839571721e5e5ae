"""What a change of a resource means for its open proposal."""

from __future__ import annotations

from django.utils import timezone

from clouds import sizes
from provisioning.models import Resource, SizingProposal, SizingStatus


def settle(resource: Resource) -> None:
    """After a run of ``resource`` succeeded: its proposal was applied, or its machine is another one now.

    A proposal that was dismissed counts as applied too, when people do it after all.
    """
    version = resource.offering_version
    size = sizes.current_size(version, resource.inputs) if resource.is_live else None
    machine = size.machine.name if size is not None else ""
    mine = SizingProposal.objects.filter(resource=resource)
    wanted = mine.filter(status__in=[SizingStatus.OPEN, SizingStatus.DISMISSED], to_machine=machine)
    wanted.update(status=SizingStatus.APPLIED, closed_at=timezone.now())
    mine.open().exclude(from_machine=machine).update(status=SizingStatus.STALE, closed_at=timezone.now())
