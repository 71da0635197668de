"""What a minute costs: tables of prices by prefix of the far end's number."""

import datetime as dt
from decimal import Decimal

from django.contrib.postgres.constraints import ExclusionConstraint
from django.contrib.postgres.fields import RangeOperators
from django.core.validators import MinValueValidator, RegexValidator
from django.db import models
from django.db.models import F, Func, Q, Value
from django.utils.translation import gettext_lazy as _

from routing.public import Direction
from tenants.public import TenantForeignKey, TenantModel

CURRENCY = RegexValidator(r"^[A-Z]{3}$", _("A currency is three capital letters (ISO 4217), such as EUR."))
NOT_NEGATIVE = MinValueValidator(Decimal(0))
INCLUSIVE_DAYS = Func(F("first_day"), F("last_day"), Value("[]"), function="daterange")
"""The days from first to last, both included; without a last day, for ever."""


class RateTable(TenantModel):
    """One tenant's prices of one direction, from its first day to its last (both included, in the tenant's zone).

    Two tables of a direction never share a day, so at most one is in force.
    """

    name = models.CharField(_("name"), max_length=80)
    direction = models.CharField(_("direction"), max_length=8, choices=Direction, default=Direction.INBOUND)
    currency = models.CharField(_("currency"), max_length=3, validators=[CURRENCY])
    first_day = models.DateField(_("from"))
    last_day = models.DateField(_("to"), null=True, blank=True, help_text=_("Empty: until further notice."))

    class Meta(TenantModel.Meta):
        verbose_name = _("rate table")
        verbose_name_plural = _("rate tables")
        ordering = ("direction", "-first_day")
        constraints = [
            models.CheckConstraint(
                condition=Q(last_day__isnull=True) | Q(last_day__gte=F("first_day")), name="rate_table_forward"
            ),
            ExclusionConstraint(
                name="one_rate_table_a_day",
                expressions=[
                    ("tenant", RangeOperators.EQUAL),
                    ("direction", RangeOperators.EQUAL),
                    (INCLUSIVE_DAYS, RangeOperators.OVERLAPS),
                ],
                violation_error_message=_("Another rate table of this direction is in force on some of these days."),
            ),
        ]

    def __str__(self) -> str:
        return self.name

    def in_force(self, day: dt.date) -> bool:
        """Say whether the table counts on a day of the tenant."""
        return self.first_day <= day and (self.last_day is None or day <= self.last_day)


class Rate(TenantModel):
    """The price of calls whose far end's number begins with `prefix`. The empty prefix is the table's default.

    A call is billed for `initial_seconds` at least and in steps of `increment_seconds` after that, and costs
    `minimum_charge` at least, the connection fee included. `first_day` and `last_day` (both included, the tenant's)
    narrow the table's days; empty they are the table's. A prefix has at most one price a day.
    """

    table = TenantForeignKey(RateTable, on_delete=models.CASCADE, related_name="rates", verbose_name=_("rate table"))
    prefix = models.CharField(
        _("prefix"),
        max_length=16,
        blank=True,
        validators=[RegexValidator(r"^(\+[1-9][0-9]{0,14})?$", _("A prefix is + and digits, such as +86755."))],
        help_text=_("Such as +86755. Empty: all other numbers, and hidden ones."),
    )
    price_per_minute = models.DecimalField(
        _("price per minute"), max_digits=18, decimal_places=6, validators=[NOT_NEGATIVE]
    )
    connection_fee = models.DecimalField(
        _("connection fee"), max_digits=18, decimal_places=6, default=Decimal(0), validators=[NOT_NEGATIVE]
    )
    minimum_charge = models.DecimalField(
        _("minimum charge"),
        max_digits=18,
        decimal_places=6,
        default=Decimal(0),
        db_default=Decimal(0),
        validators=[NOT_NEGATIVE],
    )
    initial_seconds = models.PositiveSmallIntegerField(
        _("first step (s)"), default=1, validators=[MinValueValidator(1)]
    )
    increment_seconds = models.PositiveSmallIntegerField(
        _("further steps (s)"), default=1, validators=[MinValueValidator(1)]
    )
    first_day = models.DateField(_("from"), null=True, blank=True, help_text=_("Empty: from the table's first day."))
    last_day = models.DateField(_("to"), null=True, blank=True, help_text=_("Empty: until the table's last day."))

    class Meta(TenantModel.Meta):
        verbose_name = _("rate")
        verbose_name_plural = _("rates")
        ordering = ("prefix", "first_day")
        constraints = [
            ExclusionConstraint(
                name="one_rate_of_a_prefix_a_day",
                expressions=[
                    ("tenant", RangeOperators.EQUAL),
                    ("table", RangeOperators.EQUAL),
                    ("prefix", RangeOperators.EQUAL),
                    (INCLUSIVE_DAYS, RangeOperators.OVERLAPS),
                ],
                violation_error_message=_("This prefix has another price in this table on some of these days."),
            ),
            models.CheckConstraint(
                condition=Q(price_per_minute__gte=0, connection_fee__gte=0), name="rate_not_negative"
            ),
            models.CheckConstraint(condition=Q(minimum_charge__gte=0), name="rate_minimum_not_negative"),
            models.CheckConstraint(
                condition=Q(first_day__isnull=True) | Q(last_day__isnull=True) | Q(last_day__gte=F("first_day")),
                name="rate_forward",
            ),
            models.CheckConstraint(
                condition=Q(initial_seconds__gte=1, increment_seconds__gte=1), name="rate_steps_of_a_second"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.prefix or '*'} {self.price_per_minute}"

    def in_force(self, day: dt.date) -> bool:
        """Say whether the rate counts on a day of its table."""
        return (self.first_day is None or self.first_day <= day) and (self.last_day is None or day <= self.last_day)
