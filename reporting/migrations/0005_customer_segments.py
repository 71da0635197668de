"""Call records tell the customer's segment."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("reporting", "0004_what_has_been"),
    ]

    operations = [
        migrations.AddField(
            model_name="callrecord",
            name="segment",
            field=models.CharField(blank=True, db_default="", default="", max_length=40, verbose_name="segment"),
        ),
    ]
