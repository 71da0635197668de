"""Contacts are passed on by their agents: where to, and why."""

import django.db.models.deletion
from django.db import migrations, models

import tenants.ids
import tenants.models.base
from tenants.migration_support import ADD, SecureTable, TenantKeys


class Migration(migrations.Migration):
    dependencies = [
        ("agents", "0005_orders_of_slots"),
        ("routing", "0014_customer_segments"),
        ("tenants", "0005_status_by_platform"),
    ]

    operations = [
        migrations.AddField(
            model_name="queue",
            name="escalates_to",
            field=models.CharField(
                blank=True,
                db_default="",
                default="",
                help_text="The code of the queue to which agents escalate; empty: none.",
                max_length=40,
                verbose_name="next tier",
            ),
        ),
        migrations.CreateModel(
            name="Transfer",
            fields=[
                ("id", models.UUIDField(default=tenants.ids.uuid7, editable=False, primary_key=True, serialize=False)),
                (
                    "kind",
                    models.CharField(
                        choices=[
                            ("queue", "to a queue"),
                            ("return", "back to the queue"),
                            ("escalation", "to the next tier"),
                            ("agent", "to an agent"),
                            ("service", "to another company"),
                        ],
                        max_length=10,
                        verbose_name="how",
                    ),
                ),
                (
                    "reason",
                    models.CharField(
                        choices=[
                            ("skill", "needs somebody with other skills"),
                            ("authority", "needs somebody who may decide"),
                            ("language", "speaks another language"),
                            ("wrong_place", "came to the wrong place"),
                            ("wish", "asks for somebody"),
                            ("other", "another reason"),
                        ],
                        max_length=12,
                        verbose_name="why",
                    ),
                ),
                ("note", models.CharField(blank=True, max_length=500, verbose_name="note")),
                ("at", models.DateTimeField(verbose_name="at")),
                (
                    "contact",
                    tenants.models.base.TenantForeignKey(
                        db_constraint=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="+",
                        to="routing.contact",
                    ),
                ),
                (
                    "queue",
                    tenants.models.base.TenantForeignKey(
                        db_constraint=False,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="routing.queue",
                    ),
                ),
                (
                    "session",
                    tenants.models.base.TenantForeignKey(
                        db_constraint=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="agents.agentsession",
                    ),
                ),
                (
                    "tenant",
                    models.ForeignKey(
                        db_index=False, editable=False, on_delete=django.db.models.deletion.PROTECT, to="tenants.tenant"
                    ),
                ),
                (
                    "to_queue",
                    tenants.models.base.TenantForeignKey(
                        db_constraint=False,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="routing.queue",
                    ),
                ),
                (
                    "to_session",
                    tenants.models.base.TenantForeignKey(
                        db_constraint=False,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="agents.agentsession",
                    ),
                ),
            ],
            options={
                "verbose_name": "transfer",
                "verbose_name_plural": "transfers",
                "ordering": ("at", "id"),
                "abstract": False,
                "base_manager_name": "objects",
                "indexes": [models.Index(fields=["contact", "at"], name="transfers_of_contact")],
            },
        ),
        TenantKeys("Transfer"),
        SecureTable("Transfer", app=("SELECT", "INSERT"), engine=ADD),
    ]
