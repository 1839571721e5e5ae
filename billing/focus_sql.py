"""The one statement behind the FOCUS export: each column as it is written for usage, and for any other charge.

Source of names, values and units: FinOps Open Cost and Usage Specification (FOCUS) 1.2, columns and "Unit format".
PostgreSQL formats, quotes and streams the rows itself (COPY), so nothing grows with their number.

Usage is one row per usage record. Other charges are the ledger's charges without usage records, and refunds, which
are credits and negative. Top-ups are payments: FOCUS describes charges, so they are not in it, and the sum of
BilledCost is exactly what the ledger charged less what it refunded.
"""

ISO = """'YYYY-MM-DD"T"HH24:MI:SS"Z"'"""
NULL = "NULL"
HOURLY = "meter.unit = 'hour'"
VOLUME = "CASE meter.unit WHEN 'gib_month' THEN 'GiB' ELSE 'GB' END"
PRICED = f"round(meter.quantity * usage.seconds / CASE WHEN {HOURLY} THEN 3600 ELSE 2628000 END, 9)"  # 730 h a month
CONSUMED = "round(meter.quantity * usage.seconds / 3600, 9)"
FAMILY = "split_part(meter.sku, ':', 2)"  # "compute" of "aws:compute:t3.small"
PROVIDERS = """CASE resource.provider WHEN 'aws' THEN 'AWS' WHEN 'azure' THEN 'Microsoft'
    WHEN 'gcp' THEN 'Google Cloud' ELSE resource.provider END"""


def _moment(expression: str) -> str:
    return f"to_char(({expression}) AT TIME ZONE 'UTC', {ISO})"


def _month(expression: str, offset: str) -> str:
    start = f"date_trunc('month', ({expression}) AT TIME ZONE 'UTC')"
    return f"to_char({start} + interval '{offset}', {ISO})"


def _of_a_charge(expression: str) -> str:
    """A credit has neither price nor quantity."""
    return f"CASE entry.kind WHEN 'refund' THEN NULL ELSE {expression} END"


FAMILIES = ("compute", "eks", "aks", "gke", "disk", "ipv4", "s3", "blob", "gcs")
MACHINE, CLUSTER, DISK, ADDRESS, BUCKET = range(5)
KIND_OF = dict(zip(FAMILIES, (MACHINE, CLUSTER, CLUSTER, CLUSTER, DISK, ADDRESS, BUCKET, BUCKET, BUCKET), strict=True))


def _by_family(names: tuple[str, ...], other: str) -> str:
    """``names`` are those of a machine, a cluster, a disk, an address and a bucket, in this order."""
    cases = " ".join(f"WHEN '{family}' THEN '{names[kind]}'" for family, kind in KIND_OF.items())
    return f"CASE {FAMILY} {cases} ELSE '{other}' END"


CATEGORY = _by_family(("Compute", "Compute", "Storage", "Networking", "Storage"), "Other")
SUBCATEGORY = _by_family(
    ("Virtual Machines", "Containers", "Block Storage", "Network Infrastructure", "Object Storage"), "Other (Other)"
)
SERVICE = _by_family(
    ("Virtual machines", "Kubernetes clusters", "Disks", "Public IPv4 addresses", "Object storage"), "Other"
)
RESOURCE_TYPE = """CASE resource.kind WHEN 'vm' THEN 'Virtual machine' WHEN 'bucket' THEN 'Bucket'
    WHEN 'kubernetes' THEN 'Kubernetes cluster' ELSE resource.kind END"""
LIST_COST = f"""CASE WHEN meter.list_price = meter.unit_price THEN usage.amount
    ELSE round(meter.list_price * {PRICED}, 6) END"""
DESCRIPTION = "meter.label || ' of ' || resource.name"

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
    "ChargeDescription": (
        "meter.label || ' of ' || resource.name",
        "coalesce(nullif(entry.description, ''), 'Charge')",
    ),
    "ChargeFrequency": ("'Usage-Based'", "'One-Time'"),
    "ChargePeriodEnd": (
        _moment("usage.hour + interval '1 hour'"),
        _moment("date_trunc('hour', entry.created_at) + interval '1 hour'"),
    ),
    "ChargePeriodStart": (_moment("usage.hour"), _moment("date_trunc('hour', entry.created_at)")),
    "ConsumedQuantity": (CONSUMED, NULL),
    "ConsumedUnit": (f"CASE WHEN {HOURLY} THEN 'Hours' ELSE {VOLUME} || '-Hours' END", NULL),
    "ContractedCost": ("usage.amount", "-entry.amount"),
    "ContractedUnitPrice": ("meter.unit_price", _of_a_charge("-entry.amount")),
    "EffectiveCost": ("usage.amount", "-entry.amount"),
    "InvoiceId": (NULL, NULL),
    "InvoiceIssuerName": ("%(issuer)s", "%(issuer)s"),
    "ListCost": (LIST_COST, "-entry.amount"),
    "ListUnitPrice": ("meter.list_price", _of_a_charge("-entry.amount")),
    "PricingCategory": ("'Standard'", _of_a_charge("'Standard'")),
    "PricingQuantity": (PRICED, _of_a_charge("1::numeric")),
    "PricingUnit": (
        f"CASE WHEN {HOURLY} THEN 'Hours' ELSE {VOLUME} || '-Months' END",
        _of_a_charge("'Units'"),
    ),
    "ProviderName": (PROVIDERS, "%(issuer)s"),
    "PublisherName": (PROVIDERS, "%(issuer)s"),
    "RegionId": ("nullif(meter.region, '')", NULL),
    "RegionName": ("nullif(meter.region, '')", NULL),
    "ResourceId": ("resource.reference", NULL),
    "ResourceName": ("resource.name", NULL),
    "ResourceType": (RESOURCE_TYPE, NULL),
    "ServiceCategory": (CATEGORY, "'Other'"),
    "ServiceName": (SERVICE, "'Credit and charges'"),
    "ServiceSubcategory": (SUBCATEGORY, "'Other (Other)'"),
    "SkuId": ("meter.sku", _of_a_charge("'charge'")),
    "SkuMeter": ("meter.label", NULL),
    "SkuPriceId": ("meter.catalogue || '/' || meter.sku || '/' || meter.region", _of_a_charge("'charge'")),
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
