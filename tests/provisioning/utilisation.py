"""Figures of machines as clouds would give them, in place of asking one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from clouds.issuer import Purpose
from clouds.providers.metrics import Metric, Sample, Utilisation, folded


@dataclass
class Recorded:
    """Stands in for ``read_utilisation``: percent of processor and memory by machine id, steady for ``days``."""

    figures: dict[str, dict[Metric, float]] = field(default_factory=dict)
    days: int = 14
    error: Exception | None = None
    asked: list[dict[str, Any]] = field(default_factory=list)

    def record(self, machine: str, *, cpu: float, memory: float | None = None) -> None:
        self.figures[machine] = {Metric.CPU: cpu, **({Metric.MEMORY: memory} if memory is not None else {})}

    def __call__(
        self,
        *,
        cloud_account_id: UUID,
        region: str,
        machines: Sequence[str],
        first: datetime,
        last: datetime,
        purpose: Purpose,
    ) -> Mapping[str, Mapping[Metric, Utilisation]]:
        self.asked.append({"region": region, "machines": list(machines), "first": first, "last": last})
        if self.error is not None:
            raise self.error
        return {machine: self._of(machine, first, last) for machine in machines}

    def _of(self, machine: str, first: datetime, last: datetime) -> dict[Metric, Utilisation]:
        start = max(first, last - timedelta(days=self.days))
        hours = range(round((last - start).total_seconds() / 3600))
        found = {
            metric: folded(
                machine,
                metric,
                [Sample(start + timedelta(hours=hour), value, value) for hour in hours],
                first=first,
                last=last,
            )
            for metric, value in self.figures.get(machine, {}).items()
        }
        return {metric: used for metric, used in found.items() if used is not None}
