from __future__ import annotations

from typing import Any

from django.db import transaction
from django.db.models import QuerySet
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import mixins, status
from rest_framework.decorators import action
from rest_framework.exceptions import ValidationError
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.viewsets import GenericViewSet

from accounts.actors import Actor, actor_of
from accounts.api.problems import Problem
from accounts.api.schema import problems
from clouds.models import CloudAccount, OfferingVersion
from provisioning import reading, services
from provisioning.filters import ResourceFilter
from provisioning.models import Resource, Run
from provisioning.serializers import (
    ChangeSerializer,
    ForgottenSerializer,
    OrderSerializer,
    OutputsSerializer,
    QueuedSerializer,
    ResourceSerializer,
)

from .refusals import invalid, refusals_as_problems

IDEMPOTENCY_KEY = OpenApiParameter(
    "Idempotency-Key", str, OpenApiParameter.HEADER, description="Repeating a request with its key orders once."
)
FORGET = OpenApiParameter(
    "forget", bool, description="Let go of the resource and leave its objects in the cloud; answers 200 with a list."
)
ACTIONS = {
    "retry": services.retry,
    "detect-drift": services.detect_drift,
    "start": services.request_start,
    "stop": services.request_stop,
}
LATER_ACTIONS = frozenset({"resize", "upgrade", "extend"})
MAX_KEY = 120


class ResourceViewSet(mixins.ListModelMixin, mixins.RetrieveModelMixin, GenericViewSet[Resource]):
    """What the organization ordered."""

    queryset = Resource.objects.none()
    serializer_class = ResourceSerializer
    filterset_class = ResourceFilter
    ordering_fields = ()
    lookup_value_converter = "uuid"

    def get_queryset(self) -> QuerySet[Resource]:
        return reading.resources_of(actor_of(self.request))

    @extend_schema(
        request=OrderSerializer, responses={202: QueuedSerializer, **problems(402)}, parameters=[IDEMPOTENCY_KEY]
    )
    def create(self, request: Request) -> Response:
        """Order a resource. It answers at once as pending; a worker makes it."""
        order = OrderSerializer(data=request.data)
        order.is_valid(raise_exception=True)
        wanted = order.validated_data
        actor = actor_of(request)
        with refusals_as_problems():
            run = services.request_resource(
                actor=actor,
                name=wanted["name"],
                offering_version=offering_version(wanted["offering"]),
                cloud_account=cloud_account(actor, wanted["cloud_account"]),
                inputs=wanted["inputs"],
                tags=wanted.get("tags"),
                idempotency_key=_idempotency_key(request),
            )
        return queued(run)

    @extend_schema(
        request=ChangeSerializer, responses={202: QueuedSerializer, 200: ResourceSerializer, **problems(402)}
    )
    def partial_update(self, request: Request, pk: str) -> Response:
        """Change inputs in place; what cannot be changed in place is refused with the reason.

        A change of tags alone needs no run: it answers 200 with the resource.
        """
        resource = self.get_object()
        change = ChangeSerializer(data=request.data)
        change.is_valid(raise_exception=True)
        with refusals_as_problems(), transaction.atomic():
            run = _changed(actor_of(request), resource, **change.validated_data)
        return queued(run) if run is not None else Response(self.get_serializer(self.get_object()).data)

    @extend_schema(parameters=[FORGET], responses={202: QueuedSerializer, 200: ForgottenSerializer})
    def destroy(self, request: Request, pk: str) -> Response:
        """Destroy everything the resource made, or with ``forget=true`` let go of it."""
        resource = self.get_object()
        with refusals_as_problems():
            if _is_true(request, "forget"):
                return _forgotten(services.forget(actor=actor_of(request), resource=resource))
            return queued(services.request_destroy(actor=actor_of(request), resource=resource))

    @extend_schema(responses=OutputsSerializer)
    @action(detail=True, url_path="outputs", url_name="outputs")
    def outputs(self, request: Request, pk: str) -> Response:
        """All outputs, sensitive ones included: only for those who may order. Every reading is audited."""
        return Response({"outputs": services.read_outputs(actor=actor_of(request), resource=self.get_object())})

    @extend_schema(
        request=OpenApiTypes.NONE,
        responses={202: QueuedSerializer, **problems(402)},
        parameters=[
            OpenApiParameter("name", str, OpenApiParameter.PATH, enum=[*sorted(ACTIONS), *sorted(LATER_ACTIONS)])
        ],
    )
    @action(detail=True, methods=["post"], url_path="actions/<slug:name>", url_name="action")
    def perform(self, request: Request, pk: str, name: str) -> Response:
        """Do something with a resource: ``retry`` what failed, ``detect-drift`` to compare it with the cloud,
        ``stop`` a machine, which then costs only its disk and address, and ``start`` it again.
        """
        resource = self.get_object()
        if name in LATER_ACTIONS:
            raise Problem(409, "not_offered", f"“{name}” is not offered by this module version yet.")
        if name not in ACTIONS:
            raise Problem(404, "not_found", f"There is no action “{name}”.")
        with refusals_as_problems():
            return queued(ACTIONS[name](actor=actor_of(request), resource=resource))


def queued(run: Run) -> Response:
    """202 with the resource and the run that will work on it."""
    return Response(
        {
            "id": str(run.resource.pk),
            "name": run.resource.name,
            "status": run.resource.status,
            "run": {"id": str(run.pk), "operation": run.operation, "status": run.status},
        },
        status.HTTP_202_ACCEPTED,
    )


def offering_version(offering_id: str) -> OfferingVersion:
    """The current version of an offering, or a 400 about the field ``offering``."""
    version = services.current_version(offering_id)
    if version is None:
        raise invalid("offering", "unknown", f"“{offering_id}” is not on offer. See GET /api/v1/offerings.")
    return version


def _changed(
    actor: Actor, resource: Resource, inputs: dict[str, Any] | None = None, tags: dict[str, Any] | None = None
) -> Run | None:
    """The run that changes the inputs; None when only tags were given."""
    if tags is not None:
        services.set_tags(actor=actor, resource=resource, tags=services.merged_tags(resource, tags))
    if inputs is None:
        return None
    return services.request_update(actor=actor, resource=resource, inputs=services.merged_inputs(resource, inputs))


def cloud_account(actor: Actor, account_id: Any) -> CloudAccount:
    """An account of the actor's, or a 400 about the field ``cloud_account``."""
    account = CloudAccount.objects.visible_to(actor).filter(pk=account_id).first()
    if account is None:
        raise invalid("cloud_account", "unknown", "There is no such cloud account.")
    return account


def _forgotten(resource: Resource) -> Response:
    left = getattr(resource, "left_objects", [])
    return Response({"id": str(resource.pk), "status": resource.status, "left_objects": left})


def _idempotency_key(request: Request) -> str | None:
    key = request.headers.get("Idempotency-Key", "").strip()
    if len(key) > MAX_KEY or not key.isprintable():
        raise invalid("Idempotency-Key", "invalid", f"Use at most {MAX_KEY} printable characters.")
    return key or None


def _is_true(request: Request, name: str) -> bool:
    given = request.query_params.get(name, "false").lower()
    if given not in {"true", "false", "1", "0"}:
        raise ValidationError({name: ["Must be true or false."]})
    return given in {"true", "1"}
