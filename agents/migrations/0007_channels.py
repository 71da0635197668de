"""Slots of several channels, and what may come on top of what."""

import django.contrib.postgres.fields
import django.db.models.deletion
from django.db import migrations, models

import agents.channels
import tenants.ids
from tenants.migration_support import SecureTable, TenantKeys


class Migration(migrations.Migration):
    dependencies = [("agents", "0006_account_agents"), ("tenants", "0005_status_by_platform")]

    operations = [
        migrations.AddField(
            model_name="agent",
            name="capacity",
            field=models.JSONField(
                blank=True,
                db_default=models.Value({}, models.JSONField()),
                default=dict,
                help_text=(
                    "How many contacts of each channel at once; of a channel that is left out, as many as everybody."
                ),
                validators=[agents.channels.check_capacity],
                verbose_name="at once",
            ),
        ),
        migrations.AlterField(
            model_name="slot",
            name="channel",
            field=models.CharField(
                choices=[("voice", "telephone"), ("work", "work items")], default="voice", max_length=12
            ),
        ),
        migrations.AddField(
            model_name="slot",
            name="blocks",
            field=django.contrib.postgres.fields.ArrayField(
                base_field=models.CharField(max_length=12), db_default=models.Value("{}"), default=list, size=None
            ),
        ),
        migrations.AddField(
            model_name="slot",
            name="retired",
            field=models.BooleanField(db_default=False, default=False),
        ),
        migrations.CreateModel(
            name="ChannelRules",
            fields=[
                ("id", models.UUIDField(default=tenants.ids.uuid7, editable=False, primary_key=True, serialize=False)),
                (
                    "capacity",
                    models.JSONField(
                        default=agents.channels.usual_capacity,
                        validators=[agents.channels.check_capacity],
                        verbose_name="at once",
                    ),
                ),
                (
                    "kept_away_by",
                    models.JSONField(
                        blank=True,
                        default=agents.channels.usual_rule,
                        validators=[agents.channels.check_rule],
                        verbose_name="kept away by",
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
                "verbose_name": "channel rules",
                "verbose_name_plural": "channel rules",
                "abstract": False,
                "base_manager_name": "objects",
                "constraints": [models.UniqueConstraint(fields=("tenant",), name="one_row_of_channel_rules")],
            },
        ),
        TenantKeys("ChannelRules"),
        SecureTable("ChannelRules", audited=True),
    ]
