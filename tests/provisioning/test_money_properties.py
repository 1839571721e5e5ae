"""Whatever is ordered, fails, changes, stops, is paid for and goes, at whatever time the clock shows: the books agree,
no second of a line is charged twice or missed, and what was never made costs nothing.
"""

from __future__ import annotations

import itertools
import sys
import uuid
from collections import Counter
from collections.abc import Callable
from datetime import datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from typing import Any

import pytest
import time_machine
from django.db import connection, transaction
from django.db.models import Sum
from django.utils import timezone
from hypothesis import HealthCheck, event, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from accounts.actors import Actor, member_actor, system_actor
from accounts.models import Membership, Organization, Role, User
from billing import metering, prices
from billing import services as billing
from billing.models import BilledResource, Hold, LedgerEntry, UsageRecord
from billing.quotes import QuotedLine
from clouds.models import CloudAccount, OfferingVersion
from provisioning import services
from provisioning.models import Operation, Resource, Run, StateVersion
from tests import books
from tests.billing.usage import NOON

from . import money_model as model
from .lives import Killed, change_prices, fail, killed_after, lose, succeed
from .money_model import Life

pytestmark = pytest.mark.django_db

SIZES = st.sampled_from(["micro", "small", "medium"])
ENDS = st.sampled_from(["succeed", "succeed", "succeed", "fail", "fail and leave", "lose", "cancel"])
PAID = {Operation.CREATE, Operation.UPDATE}
MAYBE = st.none() | ENDS  # None: later
Refusals = (services.Refused, billing.InsufficientCredit)


def _has_resources(machine: Money) -> bool:
    return bool(machine.lives)


def available(machine: Money) -> Decimal:
    return billing.account_of(machine.organization).available


class Money(RuleBasedStateMachine):
    """A tenant whose money is followed twice: by the platform, and by :mod:`money_model`."""

    version: OfferingVersion  # of aws/vm

    def __init__(self) -> None:
        super().__init__()
        self.savepoint = transaction.savepoint()
        prices.forget_table()
        self.numbers = itertools.count(1)
        self.clock = time_machine.travel(NOON, tick=False)
        self.time = self.clock.start()
        self.organization = Organization.objects.create(name="Model", slug=f"model-{uuid.uuid4().hex}")
        self.actor = self._member()
        self.cloud_account = CloudAccount.objects.create(
            organization=self.organization, provider="aws", name="Main", credentials={}, status="verified"
        )
        self.paid_in = Decimal(0)
        self.holds: dict[str, Decimal] = {}
        self.lives: dict[str, Life] = {}
        self.wanted: dict[Any, tuple[Decimal, list[QuotedLine]]] = {}  # by run: hold and lines
        self.agreed: dict[str, list[QuotedLine]] = {}  # by reference

    def teardown(self) -> None:
        """Book everything, and look a last time."""
        try:
            if sys.exc_info()[0] is None:
                self.time.shift(timedelta(hours=30))
                self.usage_is_booked()
                self.no_second_is_charged_twice_or_missed()
                self.each_second_costs_what_was_agreed_for_it()
                self.credit_is_held_for_what_is_there_and_eaten_by_its_usage()
                self.the_books_agree()
        finally:
            self._undo()

    def _undo(self) -> None:
        self.clock.stop()
        transaction.savepoint_rollback(self.savepoint)  # so that every example begins alike

    def _member(self) -> Actor:
        user = User.objects.create_user(f"{uuid.uuid4().hex}@model.test")
        membership = Membership.objects.create(organization=self.organization, user=user, role=Role.OWNER)
        return member_actor(user, membership)

    # --- time and passes --------------------------------------------------------------------------------------------

    @rule(seconds=st.integers(1, 6 * 3600), is_booked=st.booleans())
    def time_passes(self, seconds: int, *, is_booked: bool) -> None:
        self.time.shift(timedelta(seconds=seconds))
        if is_booked:
            self.usage_is_booked()

    @rule(hours=st.integers(-40, 80), minutes=st.integers(0, 59))
    def the_clock_jumps(self, hours: int, minutes: int) -> None:
        self.time.shift(timedelta(hours=hours, minutes=minutes))

    @rule()
    def usage_is_booked(self) -> None:
        before = self._used()
        metering.book_usage()
        model.book(self.lives, timezone.now())
        self._eat(before)

    @rule(hours=st.integers(0, 3))
    def a_pass_is_killed_within_an_hour(self, hours: int) -> None:
        before = self._used()
        try:
            with killed_after(hours):
                metering.book_usage()
        except Killed:
            model.book_hours(self.lives, timezone.now(), hours)
        else:
            model.book(self.lives, timezone.now())
        self._eat(before)

    def _used(self) -> dict[str, Decimal]:
        rows = UsageRecord.objects.filter(account__organization=self.organization).order_by()
        return dict(rows.values_list("resource__reference").annotate(Sum("amount")))

    def _eat(self, before: dict[str, Decimal]) -> None:
        for reference, used in self._used().items():
            if reference in self.holds:
                eaten = used - before.get(reference, Decimal(0))
                self.holds[reference] = max(Decimal(0), self.holds[reference] - eaten)

    # --- credit and prices ------------------------------------------------------------------------------------------

    @initialize(sizes=st.tuples(SIZES, SIZES), how=ENDS)
    def a_tenant_has_some_machines(self, sizes: tuple[str, str], how: str) -> None:
        self.top_up(Decimal(120))
        for size, end in zip(("micro", *sizes), ("succeed", "succeed", how), strict=True):
            self.order(size, end)

    @rule(amount=st.decimals("0.01", "30", places=2))
    def top_up(self, amount: Decimal) -> None:
        billing.top_up(
            organization=self.organization,
            amount=amount,
            reference=f"top-up:{next(self.numbers)}",
            actor=system_actor(self.organization),
        )
        self.paid_in += amount

    @rule(factor=st.sampled_from(["0.5", "1.25", "3"]))
    def prices_change(self, factor: str) -> None:
        change_prices(Decimal(factor), catalogue=f"2030-01-01-{next(self.numbers)}")

    # --- orders and changes -----------------------------------------------------------------------------------------

    def _resources(self, *statuses: str) -> list[Resource]:
        rows = Resource.objects.filter(organization=self.organization, status__in=statuses).order_by("name")
        return [row for row in rows if not row.runs.live().exists()]

    def _draw(self, data: st.DataObject, *statuses: str) -> Resource | None:
        rows = self._resources(*statuses)
        return data.draw(st.sampled_from(rows), label="resource") if rows else None

    def _price(self, inputs: dict[str, Any]) -> tuple[Decimal, list[QuotedLine]]:
        quoted = services.estimate(version=self.version, inputs=inputs)
        return billing.hold_amount(quoted.hourly), quoted.lines

    def _paid(self, run: Run) -> None:
        """A run for which credit is held."""
        needed, lines = self.wanted[run.pk] = self._price(run.inputs)
        reference = run.resource.hold_reference
        self.holds[reference] = max(needed, self.holds.get(reference, Decimal(0)))
        self.lives.setdefault(reference, Life())
        assert lines

    @rule(size=SIZES, how=MAYBE)
    def order(self, size: str, how: str | None) -> None:
        inputs = {"region": "eu-west-1", "size": size}
        needed, free = self._price(inputs)[0], available(self)
        try:
            run = services.request_resource(
                actor=self.actor,
                name=f"vm-{next(self.numbers):06}",
                offering_version=self.version,
                cloud_account=self.cloud_account,
                inputs=inputs,
            )
        except billing.InsufficientCredit:
            assert needed > free
        else:
            assert needed <= free
            self._paid(run)
            self._end(run, how)

    @precondition(_has_resources)
    @rule(data=st.data(), size=SIZES, how=MAYBE)
    def resize(self, data: st.DataObject, size: str, how: str | None) -> None:
        if resource := self._draw(data, "active", "failed"):
            wanted = services.merged_inputs(resource, {"size": size})
            growth = self._price(wanted)[0] - self.holds.get(resource.hold_reference, Decimal(0))
            free = available(self)
            try:
                run = services.request_update(actor=self.actor, resource=resource, inputs=wanted)
            except billing.InsufficientCredit:
                assert growth > free
            except services.Refused:
                pass
            else:
                assert growth <= max(free, Decimal(0))
                self._paid(run)
                self._end(run, how)

    @precondition(_has_resources)
    @rule(data=st.data())
    def retry(self, data: st.DataObject) -> None:
        if resource := self._draw(data, "failed"):
            try:
                run = services.retry(actor=self.actor, resource=resource)
            except Refusals:
                return
            if run.operation != Operation.DESTROY:
                self._paid(run)

    @precondition(_has_resources)
    @rule(data=st.data(), how=MAYBE)
    def destroy(self, data: st.DataObject, how: str | None) -> None:
        if resource := self._draw(data, "active", "failed", "stopped"):
            self._end(services.request_destroy(actor=self.actor, resource=resource), how)

    @precondition(_has_resources)
    @rule(data=st.data())
    def forget(self, data: st.DataObject) -> None:
        if resource := self._draw(data, "active", "failed", "stopped"):
            services.forget(actor=self.actor, resource=resource)
            self._gone(resource)

    @precondition(_has_resources)
    @rule(data=st.data(), how=MAYBE)
    def stop(self, data: st.DataObject, how: str | None) -> None:
        if resource := self._draw(data, "active"):
            self._end(services.request_stop(actor=self.actor, resource=resource), how)

    @precondition(_has_resources)
    @rule(data=st.data(), how=MAYBE)
    def start(self, data: st.DataObject, how: str | None) -> None:
        if resource := self._draw(data, "stopped"):
            try:
                run = services.request_start(actor=self.actor, resource=resource)
            except billing.InsufficientCredit:
                return
            self._end(run, how)

    # --- ends of runs -----------------------------------------------------------------------------------------------

    def _live(self) -> list[Run]:
        return list(Run.objects.live().filter(organization=self.organization).order_by("resource__name"))

    @precondition(lambda self: self._live())
    @rule(data=st.data(), how=ENDS)
    def a_run_ends(self, data: st.DataObject, how: str) -> None:
        self._end(data.draw(st.sampled_from(self._live()), label="run"), how)

    def _end(self, run: Run, how: str | None) -> None:
        self.time.shift(timedelta(seconds=61.5))
        if how is None:
            return
        if how == "cancel":
            services.cancel_run(actor=self.actor, run=run)
        else:
            ends: dict[str, Callable[[Run], Any]] = {"succeed": succeed, "fail": fail, "lose": lose}
            ends.get(how, self._fail_and_leave)(run)
        event(f"{run.operation}: {how}")
        self._ended(run, how)

    def _fail_and_leave(self, run: Run) -> None:
        """Only what makes something can leave more than there was."""
        there = StateVersion.objects.filter(resource=run.resource_id).values_list("objects_count", flat=True).first()
        fail(run, objects=2 if run.operation in PAID else there or 0)

    def _ended(self, run: Run, how: str) -> None:
        if run.operation in PAID:
            self._change_ended(run, how)
        elif how != "succeed":
            return  # a destroy, stop or start that did not come about
        elif run.operation == Operation.DESTROY:
            self._gone(run.resource)
        else:
            self._switched(run)

    def _change_ended(self, run: Run, how: str) -> None:
        if how == "succeed":
            self._made(run)
        elif how == "cancel" or (how == "fail" and run.operation == Operation.UPDATE):
            self._back_to_the_hold_before(run)
        elif how == "fail" and not self._may_exist(run):
            del self.holds[run.resource.hold_reference]

    def _switched(self, run: Run) -> None:
        life, now = self.lives[run.resource.hold_reference], timezone.now()
        life.change(now, self.agreed[run.resource.hold_reference])
        if run.operation == Operation.STOP:
            life.stop(now)

    def _made(self, run: Run) -> None:
        reference = run.resource.hold_reference
        needed, lines = self.wanted[run.pk]
        self.lives[reference].change(timezone.now(), lines)
        self.agreed[reference] = lines
        if run.previous["hold"] is not None:
            self._shrink(reference, needed)

    def _back_to_the_hold_before(self, run: Run) -> None:
        before = run.previous["hold"]
        if before is not None:
            self._shrink(run.resource.hold_reference, Decimal(before))
        elif run.operation == Operation.CREATE:
            del self.holds[run.resource.hold_reference]

    def _shrink(self, reference: str, amount: Decimal) -> None:
        self.holds[reference] = min(self.holds[reference], amount)

    def _may_exist(self, run: Run) -> bool:
        newest = StateVersion.objects.filter(resource=run.resource_id).first()
        return bool(newest and newest.objects_count) or Resource.objects.get(pk=run.resource_id).needs_adoption

    def _gone(self, resource: Resource) -> None:
        self.holds.pop(resource.hold_reference, None)
        self.lives.setdefault(resource.hold_reference, Life()).end(timezone.now())

    # --- what always holds ------------------------------------------------------------------------------------------

    @invariant()
    def the_books_agree(self) -> None:
        connection.check_constraints()
        assert books.differences() == []

    @invariant()
    def credit_is_held_for_what_is_there_and_eaten_by_its_usage(self) -> None:
        holds = Hold.objects.open().filter(account__organization=self.organization)
        assert dict(holds.values_list("reference", "amount")) == self.holds

    @invariant()
    def no_second_is_charged_twice_or_missed(self) -> None:
        found: Counter[tuple[str, str, datetime]] = Counter()
        rows = UsageRecord.objects.filter(account__organization=self.organization)
        for *key, seconds in rows.values_list("resource__reference", "meter__sku", "hour", "seconds"):
            found[tuple(key)] += seconds  # type: ignore[index]
        assert found == model.seconds_of(self.lives)

    @invariant()
    def each_second_costs_what_was_agreed_for_it(self) -> None:
        for reference, amount in self._used().items():
            life = self.lives[reference]
            assert abs(Fraction(amount) - life.cost) <= life.tolerance

    @invariant()
    def the_balance_is_what_was_paid_in_less_what_was_used(self) -> None:
        charged = LedgerEntry.objects.filter(account__organization=self.organization, kind="charge")
        assert all(entry.reference.startswith("usage:") for entry in charged)
        account = billing.account_of(self.organization)
        assert account.balance == self.paid_in - sum(self._used().values(), Decimal(0))

    @invariant()
    def what_was_never_made_costs_nothing(self) -> None:
        never = Resource.objects.filter(organization=self.organization, activated_at=None)
        references = [resource.hold_reference for resource in never]
        assert not BilledResource.objects.filter(reference__in=references).exists()


def test_no_sequence_of_events_loses_or_doubles_money(shelf: dict[str, OfferingVersion]) -> None:
    Money.version = shelf["aws/vm"]
    run_state_machine_as_test(
        Money,
        settings=settings(
            max_examples=10, stateful_step_count=25, deadline=None, suppress_health_check=list(HealthCheck)
        ),
    )
