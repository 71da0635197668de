"""What the rules choose agents by, on their slots; and the reserve."""

import django.db.models.deletion
from django.db import migrations, models
from django.db.models.functions import Now

import tenants.ids
from tenants.migration_support import SecureTable, TenantKeys


class Migration(migrations.Migration):
    dependencies = [("agents", "0003_security"), ("tenants", "0005_status_by_platform")]

    operations = [
        migrations.AddField(
            model_name="agent",
            name="reserve",
            field=models.BooleanField(
                db_default=False,
                default=False,
                help_text="Gets contacts only while the reserve is open.",
                verbose_name="reserve",
            ),
        ),
        migrations.AddField(
            model_name="agentsession",
            name="reserve",
            field=models.BooleanField(db_default=False, default=False, verbose_name="reserve"),
        ),
        migrations.AddField(
            model_name="slot",
            name="offered_at",
            field=models.DateTimeField(db_default=Now()),
        ),
        migrations.AddField(
            model_name="slot",
            name="contacts",
            field=models.PositiveIntegerField(db_default=0, default=0),
        ),
        migrations.AddField(
            model_name="slot",
            name="busy_seconds",
            field=models.FloatField(db_default=0, default=0),
        ),
        migrations.AddField(
            model_name="slot",
            name="occupancy",
            field=models.FloatField(db_default=0, default=0),
        ),
        migrations.CreateModel(
            name="Reserve",
            fields=[
                ("id", models.UUIDField(default=tenants.ids.uuid7, editable=False, primary_key=True, serialize=False)),
                ("opened_at", models.DateTimeField(null=True, verbose_name="open since")),
                ("until", models.DateTimeField(null=True, verbose_name="until")),
                ("version", models.PositiveIntegerField(default=0)),
                (
                    "tenant",
                    models.ForeignKey(
                        db_index=False, editable=False, on_delete=django.db.models.deletion.PROTECT, to="tenants.tenant"
                    ),
                ),
            ],
            options={
                "verbose_name": "reserve",
                "verbose_name_plural": "reserves",
                "abstract": False,
                "base_manager_name": "objects",
                "constraints": [
                    models.UniqueConstraint(fields=("tenant",), name="one_reserve_per_tenant"),
                    models.CheckConstraint(
                        condition=models.Q(("until__isnull", True), ("opened_at__isnull", False), _connector="OR"),
                        name="only_an_open_reserve_has_an_end",
                    ),
                ],
            },
        ),
        TenantKeys("Reserve"),
        SecureTable("Reserve", engine=("SELECT", "UPDATE"), audited=True),
    ]
