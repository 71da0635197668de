"""Agents who look after customers."""

import django.db.models.deletion
from django.db import migrations, models

import tenants.ids
import tenants.models.base
from tenants.migration_support import SecureTable, TenantKeys


class Migration(migrations.Migration):
    dependencies = [
        ("agents", "0005_orders_of_slots"),
        ("tenants", "0005_status_by_platform"),
    ]

    operations = [
        migrations.CreateModel(
            name="AccountAgent",
            fields=[
                ("id", models.UUIDField(default=tenants.ids.uuid7, editable=False, primary_key=True, serialize=False)),
                (
                    "agent",
                    tenants.models.base.TenantForeignKey(
                        db_constraint=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="agents.agent",
                        verbose_name="agent",
                    ),
                ),
                (
                    "customer",
                    tenants.models.base.TenantForeignKey(
                        db_constraint=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="+",
                        to="tenants.customer",
                        verbose_name="customer",
                    ),
                ),
                (
                    "tenant",
                    models.ForeignKey(
                        db_index=False, editable=False, on_delete=django.db.models.deletion.PROTECT, to="tenants.tenant"
                    ),
                ),
            ],
            options={
                "verbose_name": "account agent",
                "verbose_name_plural": "account agents",
                "abstract": False,
                "base_manager_name": "objects",
                "constraints": [models.UniqueConstraint(fields=("tenant", "customer"), name="account_agent_once")],
            },
        ),
        TenantKeys("AccountAgent"),
        SecureTable("AccountAgent", audited=True),
    ]
