"""Contacts of several channels, and what those without a telephone are about."""

import django.db.models.deletion
from django.db import migrations, models

import tenants.ids
import tenants.models.base
from tenants.migration_support import ADD, SecureTable, TenantKeys

CHANNELS = [("voice", "telephone"), ("work", "work items")]


class Migration(migrations.Migration):
    dependencies = [("routing", "0018_check_account_agents"), ("agents", "0007_channels")]

    operations = [
        migrations.AlterField(
            model_name="contact",
            name="channel",
            field=models.CharField(choices=CHANNELS, default="voice", max_length=12, verbose_name="channel"),
        ),
        migrations.AlterField(
            model_name="interaction",
            name="channel",
            field=models.CharField(choices=CHANNELS, default="voice", max_length=12),
        ),
        migrations.CreateModel(
            name="WorkItem",
            fields=[
                ("id", models.UUIDField(default=tenants.ids.uuid7, editable=False, primary_key=True, serialize=False)),
                (
                    "kind",
                    models.CharField(
                        choices=[
                            ("letter", "letter"),
                            ("form", "form"),
                            ("follow_up", "follow-up"),
                            ("other", "other work"),
                        ],
                        default="other",
                        max_length=12,
                        verbose_name="kind",
                    ),
                ),
                ("subject", models.CharField(max_length=200, verbose_name="subject")),
                ("body", models.TextField(blank=True, verbose_name="text")),
                ("reference", models.CharField(blank=True, max_length=80, verbose_name="reference")),
                ("due_at", models.DateTimeField(null=True, verbose_name="due")),
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
                    "customer",
                    tenants.models.base.TenantForeignKey(
                        db_constraint=False,
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
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
                "verbose_name": "work item",
                "verbose_name_plural": "work items",
                "abstract": False,
                "base_manager_name": "objects",
                "constraints": [models.UniqueConstraint(fields=("contact",), name="one_work_item_per_contact")],
                "indexes": [
                    models.Index(fields=["tenant", "due_at"], name="work_items_by_due_time"),
                    models.Index(fields=["customer"], name="work_items_of_customer"),
                ],
            },
        ),
        TenantKeys("WorkItem"),
        SecureTable("WorkItem", app=("SELECT", "UPDATE"), engine=ADD),
    ]
