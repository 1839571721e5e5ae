"""Reading an organization's credit. Nothing here writes: credit moves through orders and operators."""

from typing import ClassVar

from django.db.models import QuerySet
from drf_spectacular.utils import extend_schema
from rest_framework.generics import ListAPIView
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts.actors import actor_of
from billing import services
from billing.models import Hold, LedgerEntry

from .serializers import BalanceSerializer, HoldSerializer, LedgerEntrySerializer


class BalanceView(APIView):
    @extend_schema(
        operation_id="billing_balance",
        responses=BalanceSerializer,
        summary="The organization's credit",
        tags=["billing"],
    )
    def get(self, request: Request) -> Response:
        organization = actor_of(request).organization
        assert organization is not None  # HasRight lets nobody in without one
        return Response(BalanceSerializer(services.account_of(organization)).data)


@extend_schema(summary="Every movement of credit, newest first", tags=["billing"])
class LedgerView(ListAPIView[LedgerEntry]):
    serializer_class = LedgerEntrySerializer
    queryset = LedgerEntry.objects.none()
    filterset_fields: ClassVar = ["kind"]
    ordering_fields: ClassVar = ["number", "created_at", "amount"]
    ordering: ClassVar = ["-number"]

    def get_queryset(self) -> QuerySet[LedgerEntry]:
        return LedgerEntry.objects.visible_to(actor_of(self.request)).select_related("account")


@extend_schema(summary="Credit set aside for what exists or is being made", tags=["billing"])
class HoldsView(ListAPIView[Hold]):
    serializer_class = HoldSerializer
    queryset = Hold.objects.none()
    filterset_fields: ClassVar = ["status", "reference"]
    ordering_fields: ClassVar = ["created_at", "amount"]
    ordering: ClassVar = ["-created_at", "-id"]

    def get_queryset(self) -> QuerySet[Hold]:
        return Hold.objects.visible_to(actor_of(self.request)).select_related("account").order_by("-created_at", "-id")
