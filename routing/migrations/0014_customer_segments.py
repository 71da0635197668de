"""Segments of customers shift the order, and have service levels of their own."""

from django.db import migrations, models

import routing.customer_segments


class Migration(migrations.Migration):
    dependencies = [
        ("routing", "0013_comfort_messages"),
    ]

    operations = [
        migrations.AddField(
            model_name="contact",
            name="segment",
            field=models.CharField(blank=True, db_default="", default="", max_length=40, verbose_name="segment"),
        ),
        migrations.AddField(
            model_name="routingpolicy",
            name="segments",
            field=models.JSONField(
                blank=True,
                db_default=models.Value({}, models.JSONField()),
                default=dict,
                help_text="What customers of a segment get, by its name: a head start, a service level of their own.",
                validators=[routing.customer_segments.check_segments],
                verbose_name="customer segments",
            ),
        ),
    ]
