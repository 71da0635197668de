"""Corrections of usage lines, re-ratings, lines of outbound calls. Lines that are there are no corrections and stay as they are.

New columns have defaults in the database, for code that does not know them yet; what would have to look at every line
is added unchecked here and checked by the next migration.
"""

import django.db.models.deletion
from django.contrib.postgres.operations import AddConstraintNotValid
from django.db import migrations, models
from django.db.models import F, Q

import tenants.ids
from tenants.migration_support import SecureTable, TenantKeys
from tenants.models.base import TenantForeignKey

KEY = (
    "ALTER TABLE billing_usageline ADD CONSTRAINT billing_usageline_{column}_tenant_fk "
    "FOREIGN KEY (tenant_id, {column}) REFERENCES {table} (tenant_id, id) DEFERRABLE INITIALLY DEFERRED NOT VALID"
)
NO_KEY = "ALTER TABLE billing_usageline DROP CONSTRAINT billing_usageline_{column}_tenant_fk"


def tenant_key(column, table):
    """Return the operation that keeps a new reference of usage lines within the tenant."""
    return migrations.RunSQL(KEY.format(column=column, table=table), NO_KEY.format(column=column))


def tenant():
    return models.ForeignKey(
        db_index=False, editable=False, on_delete=django.db.models.deletion.PROTECT, to="tenants.tenant"
    )


def key():
    return models.UUIDField(default=tenants.ids.uuid7, editable=False, primary_key=True, serialize=False)


class Migration(migrations.Migration):
    dependencies = [("billing", "0003_tariffs"), ("routing", "0006_backup_routes")]

    operations = [
        migrations.CreateModel(
            name="Rerating",
            fields=[
                ("id", key()),
                ("first_day", models.DateField(verbose_name="from")),
                ("last_day", models.DateField(verbose_name="to")),
                ("reason", models.CharField(max_length=200, verbose_name="reason")),
                ("made_by", models.CharField(max_length=64, verbose_name="made by")),
                ("created_at", models.DateTimeField(auto_now_add=True, verbose_name="created")),
                ("finished_at", models.DateTimeField(null=True, verbose_name="finished")),
                ("after", models.UUIDField(null=True)),
                ("lines", models.PositiveIntegerField(default=0, verbose_name="lines")),
                ("corrected", models.PositiveIntegerField(default=0, verbose_name="corrected")),
                ("kept", models.PositiveIntegerField(default=0, verbose_name="kept")),
                ("unpriced", models.PositiveIntegerField(default=0, verbose_name="without a price")),
                ("tenant", tenant()),
            ],
            options={
                "verbose_name": "re-rating",
                "verbose_name_plural": "re-ratings",
                "ordering": ("-id",),
                "abstract": False,
                "base_manager_name": "objects",
                "indexes": [
                    models.Index(condition=Q(("finished_at__isnull", True)), fields=["tenant"], name="open_reratings")
                ],
                "constraints": [
                    models.CheckConstraint(condition=Q(("last_day__gte", F("first_day"))), name="rerating_forward"),
                    models.CheckConstraint(
                        condition=~Q(("reason", "")) & ~Q(("made_by", "")), name="rerating_says_why_and_who"
                    ),
                ],
            },
        ),
        TenantKeys("Rerating"),
        SecureTable("Rerating", app=("SELECT", "INSERT", "UPDATE")),
        migrations.AddField(
            "usageline",
            "outbound_call",
            TenantForeignKey(
                db_constraint=False,
                db_index=False,
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                to="routing.outboundcall",
                verbose_name="outbound call",
            ),
        ),
        migrations.AddField(
            "usageline",
            "corrects",
            TenantForeignKey(
                db_constraint=False,
                db_index=False,
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="corrections",
                to="billing.usageline",
                verbose_name="corrected line",
            ),
        ),
        migrations.AddField(
            "usageline",
            "reason",
            models.CharField(blank=True, db_default="", default="", max_length=200, verbose_name="reason"),
        ),
        migrations.AddField(
            "usageline",
            "made_by",
            models.CharField(blank=True, db_default="", default="", max_length=64, verbose_name="made by"),
        ),
        tenant_key("outbound_call_id", "routing_outboundcall"),
        tenant_key("corrects_id", "billing_usageline"),
        AddConstraintNotValid(
            "usageline",
            models.CheckConstraint(
                condition=Q(corrects__isnull=True, reason="", made_by="")
                | Q(corrects__isnull=False) & ~Q(reason="") & ~Q(made_by=""),
                name="usage_correction_says_why_and_who",
            ),
        ),
    ]
