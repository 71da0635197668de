"""Prices have days of their own and a minimum charge. Prices that are there count for all days of their table, as before."""

from decimal import Decimal

import django.contrib.postgres.constraints
import django.core.validators
from django.contrib.postgres.fields import RangeOperators
from django.db import migrations, models
from django.db.models import F, Func, Q, Value


class Migration(migrations.Migration):
    dependencies = [("billing", "0002_security")]

    operations = [
        migrations.AddField(
            "rate",
            "minimum_charge",
            models.DecimalField(
                db_default=Decimal(0),
                decimal_places=6,
                default=Decimal(0),
                max_digits=18,
                validators=[django.core.validators.MinValueValidator(Decimal(0))],
                verbose_name="minimum charge",
            ),
        ),
        migrations.AddField(
            "rate",
            "first_day",
            models.DateField(
                blank=True, help_text="Empty: from the table's first day.", null=True, verbose_name="from"
            ),
        ),
        migrations.AddField(
            "rate",
            "last_day",
            models.DateField(blank=True, help_text="Empty: until the table's last day.", null=True, verbose_name="to"),
        ),
        migrations.AlterModelOptions(
            "rate",
            options={
                "base_manager_name": "objects",
                "ordering": ("prefix", "first_day"),
                "verbose_name": "rate",
                "verbose_name_plural": "rates",
            },
        ),
        # The new rule before the old one goes, in one transaction: there is no moment without one.
        migrations.AddConstraint(
            "rate",
            django.contrib.postgres.constraints.ExclusionConstraint(
                name="one_rate_of_a_prefix_a_day",
                expressions=[
                    ("tenant", RangeOperators.EQUAL),
                    ("table", RangeOperators.EQUAL),
                    ("prefix", RangeOperators.EQUAL),
                    (
                        Func(F("first_day"), F("last_day"), Value("[]"), function="daterange"),
                        RangeOperators.OVERLAPS,
                    ),
                ],
                violation_error_message="This prefix has another price in this table on some of these days.",
            ),
        ),
        migrations.RemoveConstraint("rate", "rate_prefix_once"),
        migrations.AddConstraint(
            "rate", models.CheckConstraint(condition=Q(minimum_charge__gte=0), name="rate_minimum_not_negative")
        ),
        migrations.AddConstraint(
            "rate",
            models.CheckConstraint(
                condition=Q(first_day__isnull=True) | Q(last_day__isnull=True) | Q(last_day__gte=F("first_day")),
                name="rate_forward",
            ),
        ),
    ]
