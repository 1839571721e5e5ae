"""What the ledger promises, kept by PostgreSQL itself.

Entries are never changed or deleted and follow one another without a gap; a closed hold stays as it is; and when a
transaction commits, an account's balance and count are those of its last entry. Holding credit touches none of these
triggers: it inserts a hold and updates ``held`` only. TRUNCATE is left alone; tests clear tables with it.
"""

from django.db import migrations

FORWARD = """
CREATE FUNCTION billing_refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION '% of % is refused: %', TG_OP, TG_TABLE_NAME, TG_ARGV[0] USING ERRCODE = 'restrict_violation';
END $$;

CREATE TRIGGER ledger_entry_append_only BEFORE UPDATE OR DELETE ON billing_ledgerentry
    FOR EACH ROW EXECUTE FUNCTION billing_refuse_change('the ledger is append-only');

CREATE TRIGGER hold_closed_unchanged BEFORE UPDATE ON billing_hold
    FOR EACH ROW WHEN (OLD.status <> 'open') EXECUTE FUNCTION billing_refuse_change('a closed hold never changes');

CREATE TRIGGER hold_never_deleted BEFORE DELETE ON billing_hold
    FOR EACH ROW EXECUTE FUNCTION billing_refuse_change('holds are closed, not deleted');

CREATE FUNCTION billing_entry_follows() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    previous numeric;
BEGIN
    IF NEW.number = 1 THEN
        previous := 0;
    ELSE
        SELECT balance_after INTO previous FROM billing_ledgerentry
            WHERE account_id = NEW.account_id AND number = NEW.number - 1;
    END IF;
    IF previous IS NULL OR previous <> NEW.balance_before THEN
        RAISE EXCEPTION 'entry % of account % does not follow the one before it', NEW.number, NEW.account_id
            USING ERRCODE = 'check_violation';
    END IF;
    RETURN NEW;
END $$;

CREATE TRIGGER ledger_entry_follows BEFORE INSERT ON billing_ledgerentry
    FOR EACH ROW EXECUTE FUNCTION billing_entry_follows();

CREATE FUNCTION billing_account_agrees() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    checked uuid;
BEGIN
    IF TG_TABLE_NAME = 'billing_account' THEN
        checked := NEW.id;
    ELSE
        checked := NEW.account_id;
    END IF;
    PERFORM FROM billing_account account
        LEFT JOIN LATERAL (
            SELECT number, balance_after FROM billing_ledgerentry
            WHERE account_id = account.id ORDER BY number DESC LIMIT 1
        ) last ON true
        WHERE account.id = checked
            AND (account.balance <> coalesce(last.balance_after, 0)
                OR account.entries_count <> coalesce(last.number, 0));
    IF FOUND THEN
        RAISE EXCEPTION 'account % does not agree with its last ledger entry', checked
            USING ERRCODE = 'check_violation';
    END IF;
    RETURN NULL;
END $$;

CREATE CONSTRAINT TRIGGER account_agrees_with_ledger AFTER INSERT OR UPDATE OF balance, entries_count ON billing_account
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION billing_account_agrees();

CREATE CONSTRAINT TRIGGER ledger_agrees_with_account AFTER INSERT ON billing_ledgerentry
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION billing_account_agrees();
"""

BACKWARD = """
DROP TRIGGER ledger_agrees_with_account ON billing_ledgerentry;
DROP TRIGGER account_agrees_with_ledger ON billing_account;
DROP TRIGGER ledger_entry_follows ON billing_ledgerentry;
DROP TRIGGER hold_never_deleted ON billing_hold;
DROP TRIGGER hold_closed_unchanged ON billing_hold;
DROP TRIGGER ledger_entry_append_only ON billing_ledgerentry;
DROP FUNCTION billing_account_agrees();
DROP FUNCTION billing_entry_follows();
DROP FUNCTION billing_refuse_change();
"""


class Migration(migrations.Migration):
    dependencies = [("billing", "0001_initial")]
    operations = [migrations.RunSQL(FORWARD, BACKWARD)]
