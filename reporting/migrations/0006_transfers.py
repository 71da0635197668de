"""Call records tell how often a contact was passed on."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("reporting", "0005_customer_segments"),
    ]

    operations = [
        migrations.AddField(
            model_name="callrecord",
            name="transfers",
            field=models.PositiveSmallIntegerField(db_default=0, default=0, verbose_name="transfers"),
        ),
    ]
