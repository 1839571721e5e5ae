from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from decimal import Decimal
from typing import Any
from uuid import UUID

from drf_spectacular.utils import PolymorphicProxySerializer, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts.actors import Actor, actor_of
from accounts.models import Right
from billing.quotes import PriceMissing
from clouds import mapping
from clouds.inputs import InvalidInputs
from clouds.models import CloudAccount, OfferingVersion
from provisioning import services
from provisioning.serializers import (
    ComparedEstimateSerializer,
    EstimateRequestSerializer,
    EstimateSerializer,
    EstimatesSerializer,
)

from .refusals import invalid, refusals_as_problems
from .resources import cloud_account, offering_version

ONE_OR_MANY = PolymorphicProxySerializer(
    component_name="EstimateAnswer",
    serializers=[EstimateSerializer, EstimatesSerializer],
    resource_type_field_name=None,
)


class EstimatesView(APIView):
    """What an order would cost; nothing is written."""

    rights = {"POST": Right.VIEW}

    @extend_schema(request=EstimateRequestSerializer, responses={200: ONE_OR_MANY}, operation_id="estimates_create")
    def post(self, request: Request) -> Response:
        """Price an offering, or with ``kind`` every provider's offering of that kind, cheapest first."""
        wanted = EstimateRequestSerializer(data=request.data)
        wanted.is_valid(raise_exception=True)
        inputs = wanted.validated_data["inputs"]
        with refusals_as_problems():
            buyer = _buyer(actor_of(request), wanted.validated_data.get("cloud_account"))
            if offering := wanted.validated_data.get("offering"):
                return Response(_estimate(offering_version(offering), inputs, buyer))
            return Response({"results": _comparison(wanted.validated_data["kind"], inputs, buyer)})


@dataclass(frozen=True, slots=True)
class Buyer:
    """Whose agreed prices count: an organization's, and those of one of its cloud accounts where that is named."""

    organization_id: UUID
    cloud_account: CloudAccount | None


def _buyer(actor: Actor, account_id: UUID | None) -> Buyer:
    account = cloud_account(actor, account_id) if account_id is not None else None
    return Buyer(actor.tenant.pk, account)


def _comparison(kind: str, inputs: Mapping[str, Any], buyer: Buyer) -> list[Mapping[str, Any]]:
    """One estimate per provider, cheapest first, those that cannot do it last; its errors when none can."""
    versions = services.current_versions(kind)
    if not versions:
        raise invalid("kind", "unknown", f"No provider offers “{kind}” yet.")
    found, lacking, refused = [], [], None
    for version in versions:
        translated = mapping.translate(version, inputs)
        try:
            found.append({**_estimate(version, translated.inputs, buyer), "notes": translated.notes, "unavailable": ""})
        except (InvalidInputs, PriceMissing) as error:
            refused = error
            lacking.append(_unavailable(version, translated.notes, error))
    if refused is not None and not found:
        raise refused
    return [*sorted(found, key=lambda one: Decimal(one["monthly"])), *lacking]


def _unavailable(version: OfferingVersion, notes: list[str], error: Exception) -> Mapping[str, Any]:
    provider = version.offering.provider
    known = {"offering": version.offering_id, "provider": provider, "version": version.version, "lines": []}
    shown: Mapping[str, Any] = ComparedEstimateSerializer({**known, "notes": notes, "unavailable": str(error)}).data
    return shown


def _estimate(version: OfferingVersion, inputs: Mapping[str, Any], buyer: Buyer) -> Mapping[str, Any]:
    provider = version.offering.provider
    account = buyer.cloud_account.pk if buyer.cloud_account and buyer.cloud_account.provider == provider else None
    quoted = services.estimate(
        version=version, inputs=inputs, organization_id=buyer.organization_id, cloud_account_id=account
    )
    priced = {**asdict(quoted), "list_monthly": quoted.list_monthly}
    data = {**priced, "offering": version.offering_id, "provider": provider, "version": version.version}
    shown: Mapping[str, Any] = EstimateSerializer(data).data
    return shown
