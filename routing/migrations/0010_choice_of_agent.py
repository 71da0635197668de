"""By what else a queue chooses the agent; and how long a contact waits for one of them alone."""

import django.core.validators
import django.db.models.deletion
from django.db import migrations, models

import tenants.models.base

ADD_KEY = (
    "ALTER TABLE routing_contact ADD CONSTRAINT routing_contact_affinity_session_id_tenant_fk "
    "FOREIGN KEY (tenant_id, affinity_session_id) REFERENCES agents_agentsession (tenant_id, id) "
    "DEFERRABLE INITIALLY DEFERRED NOT VALID"
)
DROP_KEY = "ALTER TABLE routing_contact DROP CONSTRAINT routing_contact_affinity_session_id_tenant_fk"


class Migration(migrations.Migration):
    dependencies = [("routing", "0009_routing_policy"), ("agents", "0005_orders_of_slots")]

    operations = [
        migrations.AlterField(
            model_name="queue",
            name="preference",
            field=models.CharField(
                choices=[
                    ("longest_idle", "the longest idle"),
                    ("most_proficient", "the most proficient"),
                    ("least_occupied", "the least occupied"),
                    ("fewest_contacts", "who has served the fewest contacts"),
                    ("round_robin", "each in turn"),
                ],
                default="longest_idle",
                max_length=16,
                verbose_name="prefers",
            ),
        ),
        migrations.AddField(
            model_name="queue",
            name="affinity_seconds",
            field=models.PositiveSmallIntegerField(
                db_default=0,
                default=0,
                help_text="So long, callers whom an agent has served before wait for that agent alone. 0: not at all.",
                validators=[django.core.validators.MaxValueValidator(3600)],
                verbose_name="wait for the last agent (s)",
            ),
        ),
        migrations.AddField(
            model_name="queue",
            name="affinity_days",
            field=models.PositiveSmallIntegerField(
                db_default=30,
                default=30,
                validators=[
                    django.core.validators.MinValueValidator(1),
                    django.core.validators.MaxValueValidator(3650),
                ],
                verbose_name="… if they served them within (days)",
            ),
        ),
        migrations.AddField(
            model_name="contact",
            name="affinity_session",
            field=tenants.models.base.TenantForeignKey(
                db_constraint=False,
                db_index=False,
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="+",
                to="agents.agentsession",
            ),
        ),
        migrations.AddField(
            model_name="contact",
            name="affinity_until",
            field=models.DateTimeField(null=True),
        ),
        migrations.RunSQL(ADD_KEY, DROP_KEY),
    ]
