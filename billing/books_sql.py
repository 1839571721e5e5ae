"""What the books must agree on, as queries that find where they do not. Each answers rows for a sentence in ``books``.

They recompute from the rows themselves, apart from the statement that wrote them; see ``usage_sql`` for the formulas.
"""

ENTRIES = """
SELECT organization.name, entry.number, entry.balance_before, entry.previous FROM (
    SELECT account_id, number, balance_before, coalesce(lag(balance_after) OVER numbered, 0) AS previous,
        row_number() OVER numbered AS place
    FROM billing_ledgerentry WINDOW numbered AS (PARTITION BY account_id ORDER BY number)
) entry
JOIN billing_account account ON account.id = entry.account_id
JOIN accounts_organization organization ON organization.id = account.organization_id
WHERE entry.number <> entry.place OR entry.balance_before <> entry.previous
ORDER BY organization.name, entry.number
"""

CHARGES = """
SELECT organization.name, entry.kind, entry.reference, entry.amount, coalesce(used.amount, 0)
FROM billing_ledgerentry entry
LEFT JOIN (
    SELECT entry_id, sum(amount) AS amount FROM billing_usagerecord WHERE entry_id IS NOT NULL GROUP BY entry_id
) used ON used.entry_id = entry.id
JOIN billing_account account ON account.id = entry.account_id
JOIN accounts_organization organization ON organization.id = account.organization_id
WHERE (used.entry_id IS NOT NULL OR (entry.kind = 'charge' AND entry.reference LIKE 'usage:%%'))
    AND (entry.kind <> 'charge' OR entry.amount <> -coalesce(used.amount, 0))
ORDER BY organization.name, entry.number
"""

UNCHARGED = """
SELECT organization.name, resource.name, to_char(usage.hour AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI'), usage.amount
FROM billing_usagerecord usage
JOIN billing_billedresource resource ON resource.id = usage.resource_id
JOIN billing_account account ON account.id = usage.account_id
JOIN accounts_organization organization ON organization.id = account.organization_id
WHERE usage.entry_id IS NULL AND usage.amount <> 0
ORDER BY organization.name, usage.hour, usage.id
"""

MISPLACED = """
SELECT organization.name, usage.id, to_char(usage.hour AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI'), entry.reference
FROM billing_usagerecord usage
JOIN billing_meter meter ON meter.id = usage.meter_id
JOIN billing_billedresource resource ON resource.id = usage.resource_id
LEFT JOIN billing_ledgerentry entry ON entry.id = usage.entry_id
JOIN billing_account account ON account.id = usage.account_id
JOIN accounts_organization organization ON organization.id = account.organization_id
WHERE meter.resource_id <> usage.resource_id OR meter.account_id <> usage.account_id
    OR resource.account_id <> usage.account_id OR entry.account_id <> usage.account_id
    OR split_part(entry.reference, '#', 1) <> to_char(usage.hour AT TIME ZONE 'UTC', '"usage:"YYYY-MM-DD"T"HH24')
ORDER BY organization.name, usage.id
"""

RECORDS = """
SELECT organization.name, resource.name, expected.sku, to_char(expected.hour AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI'),
    expected.seconds, expected.amount, expected.ran::int, expected.cost
FROM (
    SELECT within.*, extract(epoch FROM ends - begins) AS ran,
        round(rate * extract(epoch FROM ends - starts_at), 6)
            - round(rate * extract(epoch FROM begins - starts_at), 6) AS cost
    FROM (
        SELECT usage.account_id, usage.resource_id, usage.hour, usage.seconds, usage.amount, meter.sku, meter.starts_at,
            meter.unit_price * meter.quantity / CASE meter.unit WHEN 'hour' THEN 3600 ELSE 2628000 END AS rate,
            greatest(usage.hour, meter.starts_at) AS begins,
            least(usage.hour + interval '1 hour', meter.metered_until) AS ends
        FROM billing_usagerecord usage JOIN billing_meter meter ON meter.id = usage.meter_id
    ) within
) expected
JOIN billing_billedresource resource ON resource.id = expected.resource_id
JOIN billing_account account ON account.id = expected.account_id
JOIN accounts_organization organization ON organization.id = account.organization_id
WHERE expected.seconds <> expected.ran OR expected.amount <> expected.cost
ORDER BY organization.name, resource.name, expected.hour
"""

# With every record as long as its meter ran within its hour, a sum that fits leaves room for no gap and no double.
METERS = """
SELECT organization.name, resource.name, meter.sku,
    to_char(meter.starts_at AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI:SS'),
    extract(epoch FROM meter.metered_until - meter.starts_at)::bigint, coalesce(recorded.seconds, 0)
FROM billing_meter meter
LEFT JOIN (
    SELECT meter_id, sum(seconds) AS seconds FROM billing_usagerecord GROUP BY meter_id
) recorded ON recorded.meter_id = meter.id
JOIN billing_billedresource resource ON resource.id = meter.resource_id
JOIN billing_account account ON account.id = meter.account_id
JOIN accounts_organization organization ON organization.id = account.organization_id
WHERE extract(epoch FROM meter.metered_until - meter.starts_at) <> coalesce(recorded.seconds, 0)
ORDER BY organization.name, resource.name, meter.starts_at
"""

DAYS = """
SELECT organization.name, resource.name, coalesce(daily.sku, used.sku), coalesce(daily.day, used.day),
    coalesce(daily.amount, 0), coalesce(daily.seconds, 0), coalesce(daily.records, 0),
    coalesce(used.amount, 0), coalesce(used.seconds, 0), coalesce(used.records, 0)
FROM billing_dailycost daily
FULL JOIN (
    SELECT usage.account_id, usage.resource_id, (usage.hour AT TIME ZONE 'UTC')::date AS day, meter.sku,
        sum(usage.amount) AS amount, sum(usage.seconds) AS seconds, count(*) AS records
    FROM billing_usagerecord usage JOIN billing_meter meter ON meter.id = usage.meter_id
    GROUP BY usage.account_id, usage.resource_id, day, meter.sku
) used USING (account_id, resource_id, day, sku)
JOIN billing_billedresource resource ON resource.id = resource_id
JOIN billing_account account ON account.id = resource.account_id
JOIN accounts_organization organization ON organization.id = account.organization_id
WHERE (daily.amount, daily.seconds, daily.records) IS DISTINCT FROM (used.amount, used.seconds, used.records)
ORDER BY organization.name, resource.name, day
"""
