"""Check the key that 0010 added unchecked, while contacts go on being written."""

from django.db import migrations

VALIDATE = "ALTER TABLE routing_contact VALIDATE CONSTRAINT routing_contact_affinity_session_id_tenant_fk"


class Migration(migrations.Migration):
    dependencies = [("routing", "0010_choice_of_agent")]

    operations = [migrations.RunSQL(VALIDATE, migrations.RunSQL.noop)]
