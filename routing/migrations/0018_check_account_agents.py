"""Check the key that 0017 added unchecked, while contacts go on being written."""

from django.db import migrations

VALIDATE = "ALTER TABLE routing_contact VALIDATE CONSTRAINT routing_contact_account_agent_id_tenant_fk"


class Migration(migrations.Migration):
    dependencies = [("routing", "0017_account_agents")]

    operations = [migrations.RunSQL(VALIDATE, migrations.RunSQL.noop)]
