"""What callers who wait are told now and then."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("routing", "0012_estimates_and_full_queues"),
    ]

    operations = [
        migrations.AddField(
            model_name="queue",
            name="announce_position",
            field=models.BooleanField(db_default=True, default=True, verbose_name="announce the position"),
        ),
        migrations.AddField(
            model_name="queue",
            name="comfort",
            field=models.JSONField(
                blank=True,
                db_default=models.Value({}, models.JSONField()),
                default=dict,
                help_text="What callers who wait are told each time, by language.",
                verbose_name="comfort message",
            ),
        ),
        migrations.AlterField(
            model_name="queue",
            name="announce_seconds",
            field=models.PositiveSmallIntegerField(
                default=30, help_text="0: never. Heard only on answered calls.", verbose_name="announce every (s)"
            ),
        ),
        migrations.AlterField(
            model_name="queue",
            name="announce_wait",
            field=models.BooleanField(
                db_default=False,
                default=False,
                help_text="Where it is known.",
                verbose_name="announce the estimated wait",
            ),
        ),
    ]
