"""Contacts of several channels."""

from django.db import migrations, models

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
    ]
