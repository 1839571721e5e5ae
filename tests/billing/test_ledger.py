"""Any sequence of movements keeps the books right, and the check says when they are not."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from decimal import Decimal

import pytest
from django.db import connection, transaction
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule, run_state_machine_as_test

from accounts.actors import system_actor
from accounts.models import Organization
from billing import services
from billing.ledger import differences
from billing.models import Account, Hold, LedgerEntry

pytestmark = pytest.mark.django_db

amounts = st.decimals(min_value=0, max_value=50, places=6)
references = st.sampled_from(["resource:1", "resource:2", "resource:3"])


class Books(RuleBasedStateMachine):
    """A model of one account: what every call should have done, beside what the database says."""

    def __init__(self) -> None:
        super().__init__()
        self.organization = Organization.objects.create(name="Model", slug=f"model-{uuid.uuid4().hex}")
        self.balance = Decimal(0)
        self.holds: dict[str, Decimal] = {}
        self.keys = 0

    @property
    def available(self) -> Decimal:
        return self.balance - sum(self.holds.values(), Decimal(0))

    def key(self) -> str:
        self.keys += 1
        return f"key:{self.keys}"

    @rule(amount=amounts.filter(bool))
    def top_up(self, amount: Decimal) -> None:
        actor = system_actor(self.organization)
        services.top_up(organization=self.organization, amount=amount, reference=self.key(), actor=actor)
        self.balance += amount

    @rule(amount=amounts.filter(bool))
    def charge(self, amount: Decimal) -> None:
        services.charge(organization=self.organization, amount=amount, reference=self.key())
        self.balance -= amount

    @rule(reference=references, amount=amounts)
    def hold(self, reference: str, amount: Decimal) -> None:
        available = self.available
        try:
            services.hold_credit(organization=self.organization, reference=reference, amount=amount)
        except services.InsufficientCredit as error:
            assert reference not in self.holds
            assert error.available == available < amount  # noqa: PT017  - either outcome is right, for its reason
        else:
            assert reference in self.holds or available >= amount
            self.holds.setdefault(reference, amount)

    @precondition(lambda self: self.holds)
    @rule(amount=amounts, data=st.data())
    def resize(self, amount: Decimal, data: st.DataObject) -> None:
        reference = data.draw(st.sampled_from(sorted(self.holds)))
        growth = amount - self.holds[reference]
        try:
            services.resize_hold(organization=self.organization, reference=reference, amount=amount)
        except services.InsufficientCredit:
            assert growth > max(self.available, Decimal(0))
        else:
            assert growth <= max(self.available, Decimal(0))
            self.holds[reference] = amount

    @rule(reference=references, amount=amounts)
    def settle(self, reference: str, amount: Decimal) -> None:
        services.settle_hold(organization=self.organization, reference=reference, amount=amount)
        if self.holds.pop(reference, None) is not None:
            self.balance -= amount

    @rule(reference=references)
    def release(self, reference: str) -> None:
        released = services.release_hold(organization=self.organization, reference=reference)
        assert (released is not None) == (self.holds.pop(reference, None) is not None)

    @invariant()
    def the_account_says_what_the_model_says(self) -> None:
        account = services.account_of(self.organization)
        assert (account.balance, account.available) == (self.balance, self.available)

    @invariant()
    def the_rows_add_up(self) -> None:
        connection.check_constraints()
        entries = LedgerEntry.objects.filter(account__organization=self.organization)
        holds = Hold.objects.open().filter(account__organization=self.organization)
        assert sum((entry.amount for entry in entries), Decimal(0)) == self.balance
        assert {hold.reference: hold.amount for hold in holds} == self.holds
        assert list(differences()) == []


def test_any_sequence_of_movements_keeps_the_books_right():
    run_state_machine_as_test(
        Books,
        settings=settings(
            max_examples=25, stateful_step_count=25, deadline=None, suppress_health_check=list(HealthCheck)
        ),
    )


@pytest.fixture
def used(organization: Organization, credit: Callable[..., LedgerEntry]) -> Organization:
    credit(organization, "10")
    services.hold_credit(organization=organization, reference="resource:1", amount=Decimal(4))
    services.charge(organization=organization, reference="usage:1", amount=Decimal(1))
    return organization


def test_the_check_finds_a_balance_that_was_forced(used: Organization):
    savepoint = transaction.savepoint()
    Account.objects.update(balance=100, entries_count=7)  # the deferred check would refuse this at commit
    assert [(one.figure, one.stored, one.computed) for one in differences()] == [
        ("balance", Decimal(100), Decimal(9)),
        ("entries_count", 7, 2),
    ]
    transaction.savepoint_rollback(savepoint)


def test_the_check_is_one_query(used: Organization, django_assert_num_queries: Callable[[int], object]):
    with django_assert_num_queries(1):  # type: ignore[attr-defined]
        list(differences())
