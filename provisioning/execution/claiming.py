"""Which run is next: fair between organizations, never more at once than each may have, never one run twice."""

from __future__ import annotations

from uuid import UUID

from django.conf import settings
from django.db import connection, transaction

from provisioning import events
from provisioning.models import Run

CLAIM_LOCK = 7_316_001  # advisory lock: claims go one after the other, so each sees what the one before it took

# Organizations with queued runs are found by hopping over the index on (organization, queued_at), one probe each, so
# the cost does not grow with the length of the queue. Then: whoever has the fewest runs working, then the oldest run.
CLAIM = """
WITH RECURSIVE waiting AS (
    (SELECT organization_id FROM provisioning_run WHERE status = 'queued' ORDER BY organization_id LIMIT 1)
    UNION ALL
    SELECT (SELECT run.organization_id FROM provisioning_run run
            WHERE run.status = 'queued' AND run.organization_id > waiting.organization_id
            ORDER BY run.organization_id LIMIT 1)
    FROM waiting WHERE waiting.organization_id IS NOT NULL
), working AS (
    SELECT organization_id, count(*) AS runs FROM provisioning_run
    WHERE status IN ('preparing', 'planning', 'applying') GROUP BY organization_id
), next AS (
    SELECT oldest.id
    FROM waiting
    JOIN accounts_organization tenant ON tenant.id = waiting.organization_id
    LEFT JOIN working ON working.organization_id = tenant.id
    CROSS JOIN LATERAL (
        SELECT run.id, run.queued_at FROM provisioning_run run
        WHERE run.status = 'queued' AND run.organization_id = tenant.id
        ORDER BY run.queued_at LIMIT 1 FOR UPDATE SKIP LOCKED
    ) oldest
    WHERE tenant.suspended_at IS NULL
      AND coalesce(working.runs, 0) < coalesce(tenant.max_concurrent_runs, %(cap)s)
    ORDER BY coalesce(working.runs, 0), oldest.queued_at
    LIMIT 1
)
UPDATE provisioning_run
SET status = 'preparing', started_at = now(), worker_id = %(worker)s,
    lease_expires_at = now() + make_interval(secs => %(lease)s)
WHERE id = (SELECT id FROM next) AND status = 'queued'
RETURNING id
"""

# A pending resource is being provisioned from the moment its run is claimed.
PROVISION = """
UPDATE provisioning_resource SET status = 'provisioning'
WHERE status = 'pending' AND id = (SELECT resource_id FROM provisioning_run WHERE id = %s)
"""


def claim_next(worker_id: UUID | None) -> Run | None:
    """Take the next run for ``worker_id`` and return it as ``preparing``; None when none may start now."""
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s)", [CLAIM_LOCK])
        cursor.execute(
            CLAIM,
            {"cap": settings.RUNS_PER_ORGANIZATION, "worker": worker_id, "lease": settings.RUN_LEASE},
        )
        row = cursor.fetchone()
        if row is not None:
            cursor.execute(PROVISION, [row[0]])
    if row is None:
        return None
    run = (
        Run.objects.select_related("organization", "resource", "resource__organization")
        .select_related("resource__offering_version", "resource__offering_version__offering")
        .defer("resource__sealed_outputs")
        .get(pk=row[0])
    )
    events.announce_resource(run.organization_id, run.resource_id)
    return run
