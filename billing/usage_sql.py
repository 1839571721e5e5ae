"""The one statement that books an hour of an account, however many resources it has.

Parameters: account (uuid), begin and end of the hour, entry (uuid of the ledger entry about to be written).
Answers (records, amount, taken): how many usage records, what they cost together, what of it the holds had set aside.

Costs: an hourly price counts per 3,600 s, a monthly one per 730 h (see ``money.HOURS_PER_MONTH``). What a meter cost
until a moment is rounded once, and a record is the difference of two such sums: the records of a meter add up to what
it cost as a whole. ``round`` of numeric rounds half away from zero, which for amounts is ``ROUND_HALF_UP``.
"""

BOOK_HOUR = """
WITH due AS (
    SELECT meter.id, meter.resource_id, meter.sku, meter.starts_at, meter.metered_until AS begins,
        least(coalesce(meter.ends_at, %(end)s), %(end)s) AS ends,
        meter.unit_price * meter.quantity / CASE meter.unit WHEN 'hour' THEN 3600 ELSE 2628000 END AS rate
    FROM billing_meter meter
    WHERE meter.account_id = %(account)s
        AND (meter.ends_at IS NULL OR meter.metered_until < meter.ends_at)
        AND meter.metered_until >= %(begin)s AND meter.metered_until < %(end)s
), priced AS (
    SELECT due.*, extract(epoch FROM ends - begins) AS seconds,
        round(rate * extract(epoch FROM ends - starts_at), 6)
            - round(rate * extract(epoch FROM begins - starts_at), 6) AS amount
    FROM due
), total AS (
    SELECT count(*) AS records, coalesce(sum(amount), 0) AS amount FROM priced
), recorded AS (
    INSERT INTO billing_usagerecord (account_id, resource_id, meter_id, entry_id, hour, seconds, amount)
    SELECT %(account)s, resource_id, id, CASE WHEN total.amount > 0 THEN %(entry)s::uuid END, %(begin)s, seconds,
        priced.amount
    FROM priced CROSS JOIN total
), summed AS (
    INSERT INTO billing_dailycost (account_id, resource_id, day, sku, amount, seconds, records)
    SELECT %(account)s, resource_id, (%(begin)s::timestamptz AT TIME ZONE 'UTC')::date, sku, sum(amount), sum(seconds),
        count(*)
    FROM priced GROUP BY resource_id, sku
    ON CONFLICT (resource_id, day, sku) DO UPDATE SET amount = billing_dailycost.amount + excluded.amount,
        seconds = billing_dailycost.seconds + excluded.seconds, records = billing_dailycost.records + excluded.records
), moved AS (
    UPDATE billing_meter SET metered_until = priced.ends FROM priced WHERE billing_meter.id = priced.id
), used AS (
    SELECT resource.reference, sum(priced.amount) AS amount
    FROM priced JOIN billing_billedresource resource ON resource.id = priced.resource_id GROUP BY resource.reference
), eaten AS (
    SELECT hold.id, least(hold.amount, used.amount) AS amount FROM billing_hold hold JOIN used USING (reference)
    WHERE hold.account_id = %(account)s AND hold.status = 'open'
), lowered AS (
    UPDATE billing_hold SET amount = billing_hold.amount - eaten.amount FROM eaten WHERE billing_hold.id = eaten.id
)
SELECT total.records, total.amount, (SELECT coalesce(sum(amount), 0) FROM eaten) FROM total
"""
