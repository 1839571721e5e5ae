from typing import ClassVar

from rest_framework import serializers

from billing.models import Account, Hold, LedgerEntry


class BalanceSerializer(serializers.ModelSerializer[Account]):
    available = serializers.DecimalField(
        max_digits=18, decimal_places=6, read_only=True, help_text="What can still be ordered: balance minus held."
    )

    class Meta:
        model = Account
        fields: ClassVar = ["balance", "held", "available", "currency"]
        read_only_fields = fields


class LedgerEntrySerializer(serializers.ModelSerializer[LedgerEntry]):
    currency = serializers.CharField(source="account.currency", read_only=True)

    class Meta:
        model = LedgerEntry
        fields: ClassVar = [
            "id",
            "number",
            "kind",
            "amount",
            "balance_before",
            "balance_after",
            "currency",
            "reference",
            "description",
            "created_at",
        ]
        read_only_fields = fields


class HoldSerializer(serializers.ModelSerializer[Hold]):
    currency = serializers.CharField(source="account.currency", read_only=True)

    class Meta:
        model = Hold
        fields: ClassVar = [
            "id",
            "reference",
            "description",
            "amount",
            "currency",
            "status",
            "created_at",
            "closed_at",
        ]
        read_only_fields = fields
