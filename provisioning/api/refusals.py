"""Domain refusals as problem documents."""

from collections.abc import Iterator
from contextlib import contextmanager

from accounts.api.problems import Problem
from billing.limits import Breach, BudgetExceeded
from billing.quotes import PriceMissing
from billing.services import InsufficientCredit
from clouds.inputs import InvalidInputs
from provisioning import services

INVALID = "Some of the input is not valid; see errors."
CONFLICTS: dict[type[services.Refused], str] = {
    services.NameTaken: "name_taken",
    services.RunInProgress: "run_in_progress",
    services.IdempotencyConflict: "idempotency_key_reused",
    services.CannotChange: "cannot_change",
    services.NotPossible: "not_possible",
}
TOP_FIELDS = frozenset({"name", "offering", "cloud_account", "tags"})


@contextmanager
def refusals_as_problems() -> Iterator[None]:
    """Turn whatever the services refuse inside the block into 400, 402 or 409."""
    try:
        yield
    except InvalidInputs as error:
        raise Problem(400, "invalid", INVALID, errors=input_errors(error)) from error
    except services.CannotUseAccount as error:
        raise invalid("cloud_account", "unusable", str(error)) from error
    except PriceMissing as error:
        raise Problem(409, "price_missing", str(error)) from error
    except InsufficientCredit as error:
        raise Problem(402, "insufficient_credit", str(error)) from error
    except BudgetExceeded as error:
        extra = {"budgets": [_breach(each) for each in error.breaches]}
        raise Problem(402, "budget_exceeded", str(error), extra=extra) from error
    except services.Refused as error:
        raise Problem(409, CONFLICTS.get(type(error), "refused"), str(error)) from error


def _breach(breach: Breach) -> dict[str, str]:
    return {
        "id": str(breach.budget.pk),
        "name": breach.budget.name,
        "amount": str(breach.budget.amount),
        "expected": str(breach.expected),
        "run_rate": str(breach.run_rate),
        "over": str(breach.over),
        "currency": breach.currency,
    }


def invalid(field: str, code: str, detail: str) -> Problem:
    """A 400 about one field."""
    return Problem(400, "invalid", INVALID, errors=[{"field": field, "code": code, "detail": detail}])


def input_errors(error: InvalidInputs) -> list[dict[str, str]]:
    """The errors with the path they have in the request's body: "inputs.region"."""
    return [
        {
            "field": one.field if one.field in TOP_FIELDS else f"inputs.{one.field}".rstrip("."),
            "code": one.code,
            "detail": one.detail,
        }
        for one in error.errors
    ]
