"""Contacts know their customer's account agent, and queues may let them wait for that agent."""

import django.core.validators
import django.db.models.deletion
from django.db import migrations, models

import tenants.models.base

ADD_KEY = """
    ALTER TABLE routing_contact ADD CONSTRAINT routing_contact_account_agent_id_tenant_fk
    FOREIGN KEY (tenant_id, account_agent_id) REFERENCES agents_agent (tenant_id, id)
    DEFERRABLE INITIALLY DEFERRED NOT VALID
"""
DROP_KEY = "ALTER TABLE routing_contact DROP CONSTRAINT routing_contact_account_agent_id_tenant_fk"


class Migration(migrations.Migration):
    dependencies = [
        ("agents", "0006_account_agents"),
        ("routing", "0016_call_backs"),
    ]

    operations = [
        migrations.AddField(
            model_name="queue",
            name="account_seconds",
            field=models.PositiveSmallIntegerField(
                db_default=0,
                default=0,
                help_text="So long, customers who have an account agent wait for that agent alone. 0: not at all.",
                validators=[django.core.validators.MaxValueValidator(3600)],
                verbose_name="wait for the account agent (s)",
            ),
        ),
        migrations.AddField(
            model_name="contact",
            name="account_agent",
            field=tenants.models.base.TenantForeignKey(
                db_constraint=False,
                db_index=False,
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="+",
                to="agents.agent",
            ),
        ),
        migrations.RunSQL(ADD_KEY, DROP_KEY),
    ]
