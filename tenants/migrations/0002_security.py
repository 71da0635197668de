"""The event log's table, its partitions, the audit trigger, tenant zero, and every table's rights."""

from django.db import migrations
from psycopg import sql

from tenants.migration_support import (
    ADD,
    ALL,
    ANY,
    NONE,
    READ,
    TAKE,
    TENANT,
    WRITE,
    SecureTable,
    TenantKeys,
    insecure_sql,
    policy_sql,
)
from tenants.models.base import CSP_TENANT_ID

SCOPE = "(SELECT current_setting('app.tenant')::uuid)"
PLATFORM = f"{SCOPE} = '{CSP_TENANT_ID}'"
TENANT_OR_PLATFORM = f"{TENANT} OR {PLATFORM}"

EVENT_LOG = """
CREATE TABLE tenants_event (
    id uuid NOT NULL PRIMARY KEY,
    tenant_id uuid NOT NULL REFERENCES tenants_tenant (id),
    type varchar(48) NOT NULL,
    schema_version smallint NOT NULL,
    aggregate_type varchar(24) NOT NULL,
    aggregate_id uuid NOT NULL,
    seq integer NOT NULL CHECK (seq > 0),
    actor varchar(64) NOT NULL,
    node varchar(64) NOT NULL,
    occurred_at timestamptz NOT NULL,
    recorded_at timestamptz NOT NULL,
    is_test boolean NOT NULL,
    data jsonb NOT NULL
) PARTITION BY RANGE (id);
CREATE INDEX tenants_event_of_aggregate ON tenants_event (tenant_id, aggregate_id, seq);
CREATE INDEX tenants_event_by_type ON tenants_event (tenant_id, type, id);
CREATE TABLE tenants_event_default PARTITION OF tenants_event DEFAULT;
"""

# A UUIDv7 begins with 48 bits of Unix milliseconds, so a month is a range of ids.
PARTITION_FUNCTIONS = """
CREATE FUNCTION tenants_uuid7_floor(moment timestamptz) RETURNS uuid
LANGUAGE sql IMMUTABLE AS $$
    SELECT (lpad(to_hex((extract(epoch FROM moment) * 1000)::bigint), 12, '0') || repeat('0', 20))::uuid
$$;

CREATE FUNCTION tenants_create_event_partition(day date) RETURNS text
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
    begins timestamptz := date_trunc('month', day::timestamp) AT TIME ZONE 'UTC';
    ends timestamptz := (date_trunc('month', day::timestamp) + interval '1 month') AT TIME ZONE 'UTC';
    partition text := 'tenants_event_' || to_char(day, 'YYYYMM');
BEGIN
    PERFORM pg_advisory_xact_lock(hashtext('tenants_create_event_partition'));
    IF to_regclass(partition) IS NOT NULL THEN
        RETURN NULL;
    END IF;
    EXECUTE format('CREATE TABLE %I PARTITION OF tenants_event FOR VALUES FROM (%L) TO (%L)',
                   partition, tenants_uuid7_floor(begins), tenants_uuid7_floor(ends));
    EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY', partition);
    EXECUTE format('ALTER TABLE %I FORCE ROW LEVEL SECURITY', partition);
    EXECUTE format('CREATE POLICY owner_all ON %I TO hotseat_owner USING (true) WITH CHECK (true)', partition);
    RETURN partition;
END
$$;
REVOKE ALL ON FUNCTION tenants_create_event_partition(date) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION tenants_create_event_partition(date) TO hotseat_engine;
SELECT tenants_create_event_partition((now() + make_interval(months => ahead))::date) FROM generate_series(0, 3) AS ahead;
"""

AUDIT_FUNCTION = """
CREATE FUNCTION tenants_audit_row() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
    secrets text[] := ARRAY['password', 'secret_hash', 'last_login', 'last_used_at', 'reachable', 'reachable_at'];
    old_row jsonb := CASE WHEN TG_OP = 'INSERT' THEN NULL ELSE to_jsonb(OLD) - secrets END;
    new_row jsonb := CASE WHEN TG_OP = 'DELETE' THEN NULL ELSE to_jsonb(NEW) - secrets END;
    any_row jsonb := coalesce(new_row, old_row);
BEGIN
    IF TG_OP = 'UPDATE' AND old_row = new_row THEN
        RETURN NULL;
    END IF;
    INSERT INTO tenants_auditentry (tenant_id, table_name, row_id, action, actor, at, before, after)
    VALUES (CASE WHEN TG_TABLE_NAME = 'tenants_tenant' THEN (any_row->>'id')::uuid
                 ELSE (any_row->>'tenant_id')::uuid END,
            TG_TABLE_NAME, any_row->>'id', TG_OP,
            coalesce(nullif(current_setting('app.actor', true), ''), session_user::text), clock_timestamp(),
            old_row, new_row);
    RETURN NULL;
END
$$;
"""

_PROVIDER = sql.SQL("""
INSERT INTO tenants_tenant (id, slug, name, status, time_zone, language, currency, created_at)
VALUES ({}, 'provider', 'Hotseat', 'active', 'UTC', 'en', 'EUR', clock_timestamp())
""")
TENANT_ZERO = _PROVIDER.format(str(CSP_TENANT_ID)).as_string()


class Migration(migrations.Migration):
    dependencies = [("tenants", "0001_initial")]

    operations = [
        TenantKeys(
            "Membership",
            "Number",
            "ApiKey",
            "Customer",
            "Entitlement",
            "IdempotencyRecord",
            "Timer",
        ),
        migrations.RunSQL(EVENT_LOG, "DROP TABLE tenants_event"),
        migrations.RunSQL(
            policy_sql(
                "tenants_event",
                app=("SELECT", "INSERT"),
                engine=("SELECT", "INSERT"),
                app_policy=TENANT,
            )
            + policy_sql("tenants_event_default", app=NONE, engine=NONE, app_policy=ANY),
            insecure_sql("tenants_event_default") + insecure_sql("tenants_event"),
        ),
        migrations.RunSQL(
            PARTITION_FUNCTIONS,
            "DROP FUNCTION tenants_create_event_partition(date); DROP FUNCTION tenants_uuid7_floor(timestamptz)",
        ),
        migrations.RunSQL(AUDIT_FUNCTION, "DROP FUNCTION tenants_audit_row()"),
        SecureTable("AuditEntry", app=READ),
        SecureTable(
            "Tenant",
            app=WRITE,
            engine=READ,
            app_policy=f"id = {SCOPE} OR {PLATFORM}",
            audited=True,
        ),
        SecureTable("User", app=WRITE, app_policy=ANY, audited=True),
        SecureTable("Membership", app_policy=TENANT_OR_PLATFORM, audited=True),
        SecureTable("Number", engine=READ, app_policy=TENANT_OR_PLATFORM, audited=True),
        SecureTable("ApiKey", app=WRITE, app_policy=TENANT_OR_PLATFORM, audited=True),
        SecureTable("Customer", audited=True),
        SecureTable("Entitlement", audited=True),
        SecureTable("IdempotencyRecord"),
        SecureTable("Timer", engine=ALL),
        SecureTable("Outbox", app=ADD, engine=("INSERT", *TAKE)),
        SecureTable("Process", app=ALL, engine=ALL, app_policy=ANY),
        SecureTable("Lease", app=NONE, engine=WRITE, app_policy=ANY),
        migrations.RunSQL(TENANT_ZERO, migrations.RunSQL.noop),
    ]
