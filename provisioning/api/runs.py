from __future__ import annotations

from collections.abc import Callable

from django.db.models import QuerySet
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.viewsets import ReadOnlyModelViewSet

from accounts.actors import actor_of
from provisioning import reading, services
from provisioning.filters import RunFilter
from provisioning.models import Run
from provisioning.serializers import (
    CanceledSerializer,
    EventQuerySerializer,
    RunEventsSerializer,
    RunSerializer,
    event_json,
)

from .refusals import refusals_as_problems


class RunViewSet(ReadOnlyModelViewSet[Run]):
    """Executions of Terraform: what is queued, working and done."""

    queryset = Run.objects.none()
    serializer_class = RunSerializer
    filterset_class = RunFilter
    ordering_fields = ()
    lookup_value_converter = "uuid"

    def get_queryset(self) -> QuerySet[Run]:
        return reading.runs_of(actor_of(self.request))

    @extend_schema(parameters=[EventQuerySerializer], responses=RunEventsSerializer, filters=False)
    @action(detail=True, url_path="events", url_name="events", pagination_class=None, filterset_class=None)
    def events(self, request: Request, pk: str) -> Response:
        """The log after a cursor, oldest first; ``seq`` has no gaps from 1. Empty at the end."""
        run = self.get_object()
        wanted = EventQuerySerializer(data=request.query_params)
        wanted.is_valid(raise_exception=True)
        events = run.events.after(wanted.validated_data["after"])[: wanted.validated_data["limit"]]
        return Response({"results": [event_json(event) for event in events]})

    @extend_schema(request=OpenApiTypes.NONE, responses={202: CanceledSerializer})
    @action(detail=True, methods=["post"], url_path="cancel", url_name="cancel")
    def cancel(self, request: Request, pk: str) -> Response:
        """Stop a run: a queued one at once, a working one as soon as its worker has stopped it."""
        return self._decide(request, services.cancel_run)

    @extend_schema(request=OpenApiTypes.NONE, responses={202: CanceledSerializer})
    @action(detail=True, methods=["post"], url_path="approve", url_name="approve")
    def approve(self, request: Request, pk: str) -> Response:
        """Let a run that waits for approval go on."""
        return self._decide(request, services.approve_run)

    @extend_schema(request=OpenApiTypes.NONE, responses={202: CanceledSerializer})
    @action(detail=True, methods=["post"], url_path="discard", url_name="discard")
    def discard(self, request: Request, pk: str) -> Response:
        """Reject the plan of a run that waits for approval."""
        return self._decide(request, services.discard_run)

    def _decide(self, request: Request, service: Callable[..., Run]) -> Response:
        run = self.get_object()
        with refusals_as_problems():
            run = service(actor=actor_of(request), run=run)
        return Response(CanceledSerializer(run).data, 202)
