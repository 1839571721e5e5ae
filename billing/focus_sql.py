"""The one statement behind the FOCUS export: each column as it is written for usage, and for any other charge.

Source of names, values and units: FinOps Open Cost and Usage Specification (FOCUS) 1.2, columns and "Unit format".
PostgreSQL formats, quotes and streams the rows itself (COPY), so nothing grows with their number.

Usage is one row per usage record. Other charges are the ledger's charges without usage records, and refunds, which
are credits and negative. Top-ups are payments: FOCUS describes charges, so they are not in it, and the sum of
BilledCost is exactly what the ledger charged less what it refunded.
"""

ISO = """'YYYY-MM-DD"T"HH24:MI:SS"Z"'"""
NULL = "NULL"
ZERO = "0::numeric"
HOURLY = "meter.unit = 'hour'"
VOLUME = "CASE meter.unit WHEN 'gib_month' THEN 'GiB' ELSE 'GB' END"
PRICED = f"round(meter.quantity * usage.seconds / CASE WHEN {HOURLY} THEN 3600 ELSE 2628000 END, 9)"  # 730 h a month
CONSUMED = "round(meter.quantity * usage.seconds / 3600, 9)"
FAMILY = "split_part(meter.sku, ':', 2)"  # "compute" of "aws:compute:t3.small"
PROVIDERS = "CASE resource.provider WHEN 'aws' THEN 'AWS' WHEN 'azure' THEN 'Microsoft' WHEN 'gcp' THEN 'Google Cloud' "
PROVIDERS += "ELSE resource.provider END"


def _moment(expression: str) -> str:
    return f"to_char(({expression}) AT TIME ZONE 'UTC', {ISO})"


def _month(expression: str, offset: str) -> str:
    start = f"date_trunc('month', ({expression}) AT TIME ZONE 'UTC')"
    return f"to_char({start} + interval '{offset}', {ISO})"


def _by_family(storage: str, network: str, cluster: str, machine: str, other: str) -> str:
    return f"""CASE WHEN {FAMILY} = 'compute' THEN '{machine}' WHEN {FAMILY} = 'disk' THEN '{storage}'
        WHEN {FAMILY} = 'ipv4' THEN '{network}' WHEN {FAMILY} IN ('eks', 'aks', 'gke') THEN '{cluster}'
        WHEN {FAMILY} IN ('s3', 'blob', 'gcs') THEN {other} ELSE 'Other' END"""


CATEGORY = _by_family("Storage", "Networking", "Compute", "Compute", "'Storage'")
SUBCATEGORY = _by_family(
    "Block Storage", "Network Infrastructure", "Containers", "Virtual Machines", "'Object Storage'"
).replace("ELSE 'Other' END", "ELSE 'Other (Other)' END")
SERVICE = _by_family("Disks", "Public IPv4 addresses", "Kubernetes clusters", "Virtual machines", "'Object storage'")

# column: (of a usage record, of any other charge)
COLUMNS: dict[str, tuple[str, str]] = {
    "BilledCost": ("usage.amount", "-entry.amount"),
    "BillingAccountId": ("account.id::text", "account.id::text"),
    "BillingAccountName": ("organization.name", "organization.name"),
    "BillingAccountType": ("'Organization'", "'Organization'"),
    "BillingCurrency": ("account.currency", "account.currency"),
    "BillingPeriodEnd": (_month("usage.hour", "1 month"), _month("entry.created_at", "1 month")),
    "BillingPeriodStart": (_month("usage.hour", "0"), _month("entry.created_at", "0")),
    "ChargeCategory": ("'Usage'", "CASE entry.kind WHEN 'refund' THEN 'Credit' ELSE 'Purchase' END"),
    "ChargeClass": (NULL, NULL),
    "ChargeDescription": ("meter.label || ' of ' || resource.name", "coalesce(nullif(entry.description, ''), 'Charge')"),
    "ChargeFrequency": ("'Usage-Based'", "'One-Time'"),
    "ChargePeriodEnd": (_moment("usage.hour + interval '1 hour'"), _moment(
        "date_trunc('hour', entry.created_at) + interval '1 hour'")),
    "ChargePeriodStart": (_moment("usage.hour"), _moment("date_trunc('hour', entry.created_at)")),
    "ConsumedQuantity": (CONSUMED, NULL),
    "ConsumedUnit": (f"CASE WHEN {HOURLY} THEN 'Hours' ELSE {VOLUME} || '-Hours' END", NULL),
    "ContractedCost": ("usage.amount", "-entry.amount"),
    "ContractedUnitPrice": ("meter.unit_price", NULL),
    "EffectiveCost": ("usage.amount", "-entry.amount"),
    "InvoiceId": (NULL, NULL),
    "InvoiceIssuerName": ("%(issuer)s", "%(issuer)s"),
    "ListCost": (
        f"CASE WHEN meter.list_price = meter.unit_price THEN usage.amount "
        f"ELSE round(meter.list_price * {PRICED}, 6) END",
        "-entry.amount",
    ),
    "ListUnitPrice": ("meter.list_price", NULL),
    "PricingCategory": ("'Standard'", NULL),
    "PricingQuantity": (PRICED, "CASE entry.kind WHEN 'refund' THEN NULL::numeric ELSE 1 END"),
    "PricingUnit": (
        f"CASE WHEN {HOURLY} THEN 'Hours' ELSE {VOLUME} || '-Months' END",
        "CASE entry.kind WHEN 'refund' THEN NULL ELSE 'Units' END",
    ),
    "ProviderName": (PROVIDERS, "%(issuer)s"),
    "PublisherName": (PROVIDERS, "%(issuer)s"),
    "RegionId": ("nullif(meter.region, '')", NULL),
    "RegionName": ("nullif(meter.region, '')", NULL),
    "ResourceId": ("resource.reference", NULL),
    "ResourceName": ("resource.name", NULL),
    "ResourceType": (
        "CASE resource.kind WHEN 'vm' THEN 'Virtual machine' WHEN 'bucket' THEN 'Bucket' "
        "WHEN 'kubernetes' THEN 'Kubernetes cluster' ELSE resource.kind END",
        NULL,
    ),
    "ServiceCategory": (CATEGORY, "'Other'"),
    "ServiceName": (SERVICE, "'Credit and charges'"),
    "ServiceSubcategory": (SUBCATEGORY, "'Other (Other)'"),
    "SkuId": ("meter.sku", NULL),
    "SkuMeter": ("meter.label", NULL),
    "SkuPriceId": ("meter.catalogue || '/' || meter.sku || '/' || meter.region", NULL),
    "SubAccountId": ("nullif(resource.cloud_account, '')", NULL),
    "SubAccountName": ("nullif(resource.cloud_account_name, '')", NULL),
    "SubAccountType": ("CASE WHEN resource.cloud_account <> '' THEN 'Cloud account' END", NULL),
    "Tags": ("resource.tags::text", NULL),
}


def _selected(side: int) -> str:
    return ", ".join(f'{of[side]} AS "{name}"' for name, of in COLUMNS.items())


EXPORT = f"""
COPY (
    (SELECT {_selected(0)}
    FROM billing_usagerecord usage
    JOIN billing_meter meter ON meter.id = usage.meter_id
    JOIN billing_billedresource resource ON resource.id = usage.resource_id
    JOIN billing_account account ON account.id = usage.account_id
    JOIN accounts_organization organization ON organization.id = account.organization_id
    WHERE usage.account_id = %(account)s AND usage.hour >= %(begin)s AND usage.hour < %(end)s
    ORDER BY usage.hour, usage.id)
    UNION ALL
    (SELECT {_selected(1)}
    FROM billing_ledgerentry entry
    JOIN billing_account account ON account.id = entry.account_id
    JOIN accounts_organization organization ON organization.id = account.organization_id
    WHERE entry.account_id = %(account)s AND entry.created_at >= %(begin)s AND entry.created_at < %(end)s
        AND entry.kind IN ('charge', 'refund')
        AND NOT EXISTS (SELECT FROM billing_usagerecord usage WHERE usage.entry_id = entry.id)
    ORDER BY entry.number)
) TO STDOUT WITH (FORMAT csv, HEADER)
"""  # noqa: S608  - made of the constants above only
