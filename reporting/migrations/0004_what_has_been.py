"""What the log told before there were records is to be written down too: the engine does it when it next runs."""

from django.db import migrations

MARK = """
INSERT INTO reporting_projection (aggregate_id, tenant_id, aggregate_type, known_seq)
SELECT aggregate_id, tenant_id, min(aggregate_type), max(seq)
FROM tenants_event
WHERE aggregate_type IN ('contact', 'agent_session', 'leg', 'diversion')
GROUP BY aggregate_id, tenant_id
ON CONFLICT (aggregate_id) DO NOTHING
"""


class Migration(migrations.Migration):
    dependencies = [("reporting", "0003_outside")]

    operations = [migrations.RunSQL(MARK, migrations.RunSQL.noop)]
