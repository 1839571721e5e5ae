"""How lists are narrowed and ordered: what cannot be done is refused with what can be, never passed over."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

from django.db.models import Model, QuerySet
from django.forms import Form
from django_filters.rest_framework import DjangoFilterBackend
from rest_framework import filters
from rest_framework.exceptions import ErrorDetail, ValidationError
from rest_framework.request import Request

if TYPE_CHECKING:
    from rest_framework.views import APIView

NOT_A_CHOICE = frozenset({"invalid_choice", "invalid_list"})


class Narrowing(DjangoFilterBackend):  # type: ignore[misc]  # django-filter has no types
    """django-filter's, whose refusals name what may be chosen."""

    def filter_queryset(self, request: Request, queryset: QuerySet[Model], view: APIView) -> QuerySet[Model]:
        filterset = self.get_filterset(request, queryset, view)
        if filterset is None:
            return queryset
        if not filterset.is_valid():
            raise ValidationError(_problems_of(filterset.form))
        found: QuerySet[Model] = filterset.qs
        return found


class Ordering(filters.OrderingFilter):
    """``?ordering=name,-created_at``. The primary key decides between equals, so that no page repeats a row."""

    def get_ordering(self, request: Request, queryset: QuerySet[Any], view: APIView) -> Sequence[str]:
        ordering = super().get_ordering(request, queryset, view) or ()
        return (*ordering, "pk") if ordering and request.query_params.get(self.ordering_param) else ordering

    def remove_invalid_fields(
        self, queryset: QuerySet[Any], fields: Iterable[str], view: APIView, request: Request
    ) -> list[str]:
        """All of ``fields``, or a 400. A view that offers none orders in another way."""
        wanted = list(fields)
        offered = [name for name, _ in self.get_valid_fields(queryset, view, {"request": request})]
        if offered and any(field.removeprefix("-") not in offered for field in wanted):
            detail = f"Choose from: {', '.join(offered)}; a minus in front reverses one."
            raise ValidationError({self.ordering_param: [ErrorDetail(detail, "invalid_choice")]})
        return wanted if offered else []


def _problems_of(form: Form) -> dict[str, list[ErrorDetail]]:
    return {
        name: [
            ErrorDetail(_choices(form, name) if error.code in NOT_A_CHOICE else message, error.code or "invalid")
            for error in errors
            for message in error.messages
        ]
        for name, errors in form.errors.as_data().items()
    }


def _choices(form: Form, name: str) -> str:
    choices: Any = getattr(form.fields[name], "choices", ())
    return f"Choose from: {', '.join(str(value) for value, _ in choices if value)}."
