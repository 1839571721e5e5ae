"""Which machines would fit what a machine was busy with. Knows no cloud, no price and no database.

A size is judged by the 95th percentile of five-minute means: what is needed nearly all of the time, without the one
hour in which a backup runs. A smaller machine must leave room above that; a shared one must also sustain the mean,
since what it uses beyond its baseline is throttled or costs extra.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from clouds.models import Provider
from clouds.sizes import Machine, Size
from clouds.utilisation import Metric, Utilisation
from provisioning.models import SizingDirection, SizingVerdict

NEEDED_HOURS = 7 * 24  # with data
PLENTY_HOURS = 13 * 24  # of fourteen days: fewer are said
ROOM_CPU, ROOM_MEMORY = 60.0, 80.0  # percent that the proposed machine may be busy at its 95th percentile
HIGH_CPU, HIGH_MEMORY = 85.0, 90.0  # percent from which on a machine is too small


@dataclass(frozen=True, slots=True)
class Load:
    """What a machine was asked for: vCPUs, and GiB where they are known."""

    mean_cpu: float
    p95_cpu: float
    max_cpu: float
    p95_memory: float | None
    hours: int  # with data

    @property
    def days(self) -> int:
        return round(self.hours / 24)

    def cpu_on(self, machine: Machine) -> float:
        """Percent at the 95th percentile."""
        return 100 * self.p95_cpu / machine.vcpu

    def memory_on(self, machine: Machine) -> float | None:
        """Percent at the 95th percentile, where it is known."""
        return None if self.p95_memory is None else 100 * self.p95_memory / machine.memory_gib


@dataclass(frozen=True, slots=True)
class Judgement:
    """``fitting`` are the sizes that would do better, not compared by price; without any, ``verdict`` says why."""

    verdict: SizingVerdict
    detail: str = ""
    direction: SizingDirection = SizingDirection.SMALLER
    fitting: tuple[Size, ...] = ()


def load_of(provider: str, machine: Machine, used: Mapping[Metric, Utilisation]) -> Load | None:
    """What ``machine`` was asked for while these figures were recorded; None without any of its processor.

    Google counts a shared machine's percentages by the part of a processor that is its own, the others by all it has.
    Source: Cloud Monitoring, "compute.googleapis.com/instance/cpu/utilization" and "cpu/reserved_cores".
    """
    cpu, memory = used.get(Metric.CPU), used.get(Metric.MEMORY)
    if cpu is None:
        return None
    share = machine.baseline / 100 if provider == Provider.GCP else 1.0
    cores = machine.vcpu * share / 100  # of one percent
    known = memory is not None and memory.hours >= min(NEEDED_HOURS, cpu.hours)
    return Load(
        mean_cpu=cpu.mean * cores,
        p95_cpu=cpu.p95 * cores,
        max_cpu=cpu.maximum * cores,
        p95_memory=memory.p95 * machine.memory_gib / 100 if memory is not None and known else None,
        hours=cpu.hours,
    )


def judge(current: Size, others: Sequence[Size], load: Load | None) -> Judgement:
    """What ``load`` says of ``current``, and which of ``others`` it would fit."""
    if load is None or load.hours < NEEDED_HOURS:
        return Judgement(SizingVerdict.TOO_LITTLE, _too_little(load))
    if _is_too_small(current.machine, load):
        fitting = [size for size in others if _is_larger(size.machine, current.machine) and _fits(size.machine, load)]
        return _larger(fitting)
    smaller = [
        size
        for size in others
        if _is_smaller(size.machine, current.machine) and load.cpu_on(size.machine) <= ROOM_CPU
        and load.mean_cpu <= _sustained(size.machine)
    ]  # fmt: skip
    fitting = [size for size in smaller if _has_memory(size.machine, current.machine, load)]
    if smaller and not fitting and load.p95_memory is None:
        used = _percent(load.cpu_on(current.machine))
        words = f"Its processor is hardly used (p95 {used}), but nothing in the machine reports how much memory is."
        return Judgement(SizingVerdict.NO_MEMORY, words)
    if not fitting:
        return Judgement(SizingVerdict.FITS, in_figures(current.machine, load))
    return Judgement(SizingVerdict.PROPOSED, fitting=tuple(fitting))


def reason_of(current: Size, proposed: Size, load: Load) -> str:
    """Why, in one sentence with the numbers: "p95 CPU 6 % over 14 days; small would run at 12 %"."""
    now, then = current.machine, proposed.machine
    would = f"{proposed.value} would run at {_percent(load.cpu_on(then))}"
    memory = load.memory_on(then)
    would += f" and {_percent(memory)} of its memory" if memory is not None else ""
    if load.mean_cpu > _sustained(now) and load.cpu_on(now) < HIGH_CPU:
        mean = _percent(100 * load.mean_cpu / now.vcpu)
        return f"Mean CPU {mean} over {load.days} days, of which {now.name} sustains {_percent(now.baseline)}; {would}."
    return f"{in_figures(now, load)[:-1]}; {would}."


def in_figures(machine: Machine, load: Load) -> str:
    memory = load.memory_on(machine)
    known = f" and memory {_percent(memory)}" if memory is not None else ""
    return f"p95 CPU {_percent(load.cpu_on(machine))}{known} over {load.days} days."


def caution_of(current: Size, proposed: Size, load: Load) -> str:
    """What to think of before it is done; "" where there is nothing."""
    machine, said = proposed.machine, []
    if machine.is_shared and machine.vcpu > current.machine.vcpu and load.mean_cpu > _sustained(current.machine):
        said.append(
            f"{current.machine.name} shares its processors, and this one is busy all the time: a type with processors "
            "of its own, under Exact machine type, may cost less."
        )
    if load.p95_memory is None:
        said.append(
            f"Only its processor was judged: {proposed.value} has no less memory, but how much is used is unknown."
        )
    if load.max_cpu > machine.vcpu:
        peak = _percent(100 * load.max_cpu / machine.vcpu)
        said.append(f"Its busiest minutes ask for {peak} of the proposed machine and would take longer there.")
    if load.hours < PLENTY_HOURS:
        said.append(f"It was seen for {load.days} days only: what happens once a month is not in the figures.")
    return " ".join(said)


def confidence_of(load: Load) -> str:
    """One of "high", "medium" and "low": how much of what matters was seen."""
    if load.p95_memory is None:
        return "low"
    return "high" if load.hours >= PLENTY_HOURS else "medium"


def _is_too_small(machine: Machine, load: Load) -> bool:
    memory = load.memory_on(machine)
    is_full = memory is not None and memory >= HIGH_MEMORY
    return load.cpu_on(machine) >= HIGH_CPU or is_full or load.mean_cpu > _sustained(machine)


def _larger(fitting: list[Size]) -> Judgement:
    if not fitting:
        return Judgement(SizingVerdict.NOTHING_BETTER, "It is too small, but no larger machine of its family would do.")
    return Judgement(SizingVerdict.PROPOSED, direction=SizingDirection.LARGER, fitting=tuple(fitting))


def _fits(machine: Machine, load: Load) -> bool:
    memory = load.memory_on(machine)
    has_room = memory is None or memory <= ROOM_MEMORY
    return has_room and load.cpu_on(machine) <= ROOM_CPU and load.mean_cpu <= _sustained(machine)


def _has_memory(machine: Machine, current: Machine, load: Load) -> bool:
    """Enough for what was used; where that is not known, no less than now."""
    memory = load.memory_on(machine)
    return machine.memory_gib >= current.memory_gib if memory is None else memory <= ROOM_MEMORY


def _is_larger(one: Machine, other: Machine) -> bool:
    return one.vcpu >= other.vcpu and one.memory_gib >= other.memory_gib


def _is_smaller(one: Machine, other: Machine) -> bool:
    return one.vcpu <= other.vcpu and one.memory_gib <= other.memory_gib


def _sustained(machine: Machine) -> float:
    """VCPUs that it can use without end."""
    return machine.vcpu * machine.baseline / 100


def _too_little(load: Load | None) -> str:
    if load is None:
        return "The cloud has no figures of it yet: they begin a few minutes after a machine was made."
    return f"There are figures of {load.days} of the 7 days that are needed."


def _percent(value: float) -> str:
    return "under 1 %" if value < 1 else f"{value:.0f} %"
