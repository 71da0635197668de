"""What a queue tells of the wait, and how many may wait in it."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("routing", "0011_check_affinity"),
    ]

    operations = [
        migrations.AddField(
            model_name="queue",
            name="announce_wait",
            field=models.BooleanField(
                db_default=False,
                default=False,
                help_text="With the position, where it is known.",
                verbose_name="announce the estimated wait",
            ),
        ),
        migrations.AddField(
            model_name="queue",
            name="most_waiting",
            field=models.PositiveIntegerField(
                db_default=0,
                default=0,
                help_text="0: as many as come. Who comes to a full queue goes elsewhere.",
                verbose_name="most who wait",
            ),
        ),
        migrations.AddField(
            model_name="queue",
            name="when_full",
            field=models.CharField(
                blank=True,
                db_default="",
                default="",
                help_text="The code of another queue; empty: the line is busy.",
                max_length=40,
                verbose_name="when full, to queue",
            ),
        ),
    ]
