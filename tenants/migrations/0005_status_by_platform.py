"""Who is suspended is the platform's to say: in a tenant's own scope its status cannot be changed."""

from django.db import migrations

from tenants.models.base import CSP_TENANT_ID

# A policy sees a row before or after its change, never both, so this takes a trigger. Not SECURITY DEFINER: the role is
# that of whoever writes.
GUARD = f"""
CREATE FUNCTION tenants_guard_status() RETURNS trigger
LANGUAGE plpgsql SET search_path = public, pg_temp AS $$
BEGIN
    IF current_user = 'hotseat_app' AND current_setting('app.tenant')::uuid <> '{CSP_TENANT_ID}' THEN
        RAISE insufficient_privilege USING MESSAGE = 'a tenant''s status is changed in the platform''s scope only';
    END IF;
    RETURN NEW;
END
$$;
CREATE TRIGGER guard_status BEFORE UPDATE OF status ON tenants_tenant
FOR EACH ROW WHEN (OLD.status IS DISTINCT FROM NEW.status) EXECUTE FUNCTION tenants_guard_status();
"""


class Migration(migrations.Migration):
    dependencies = [("tenants", "0004_timer_failures")]

    operations = [
        migrations.RunSQL(GUARD, "DROP TRIGGER guard_status ON tenants_tenant; DROP FUNCTION tenants_guard_status()"),
    ]
