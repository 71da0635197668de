"""How a tenant's contacts are ordered: by arrival or by what is due; and that nobody is overtaken for ever."""

import django.core.validators
import django.db.models.deletion
from django.db import migrations, models

import tenants.ids
from tenants.migration_support import READ, SecureTable, TenantKeys


class Migration(migrations.Migration):
    dependencies = [
        ("routing", "0008_skill_expressions_and_steps"),
        ("tenants", "0005_status_by_platform"),
    ]

    operations = [
        migrations.AddField(
            model_name="contact",
            name="ages_at",
            field=models.DateTimeField(null=True),
        ),
        migrations.CreateModel(
            name="RoutingPolicy",
            fields=[
                ("id", models.UUIDField(default=tenants.ids.uuid7, editable=False, primary_key=True, serialize=False)),
                (
                    "order",
                    models.CharField(
                        choices=[("arrival", "who came first"), ("earliest_due", "whose service level is due first")],
                        default="arrival",
                        max_length=12,
                        verbose_name="first is",
                    ),
                ),
                (
                    "ageing_seconds",
                    models.PositiveIntegerField(
                        default=0,
                        help_text="Who has waited for so long goes first, before any priority. 0: never.",
                        validators=[django.core.validators.MaxValueValidator(86400)],
                        verbose_name="nobody is overtaken after (s)",
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
                "verbose_name": "routing policy",
                "verbose_name_plural": "routing policies",
                "abstract": False,
                "base_manager_name": "objects",
                "constraints": [models.UniqueConstraint(fields=("tenant",), name="one_routing_policy_per_tenant")],
            },
        ),
        TenantKeys("RoutingPolicy"),
        SecureTable("RoutingPolicy", engine=READ, audited=True),
    ]
