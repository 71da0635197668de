"""What is rented: seats and numbers, by the month, counted by the day."""

from django.contrib.postgres.constraints import ExclusionConstraint
from django.contrib.postgres.fields import RangeOperators
from django.core.validators import MinValueValidator
from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from billing.models.rates import CURRENCY, INCLUSIVE_DAYS, NOT_NEGATIVE
from tenants.public import Number, TenantForeignKey, TenantModel


class LeasedThing(TenantModel):
    """The terms that every lease has. Days are the tenant's; first and last are both paid for.

    Terms never change: a new price is a new lease. Only the last day is set later.
    """

    price_per_month = models.DecimalField(
        _("price per month"), max_digits=18, decimal_places=6, validators=[NOT_NEGATIVE]
    )
    currency = models.CharField(_("currency"), max_length=3, validators=[CURRENCY])
    first_day = models.DateField(_("from"))
    last_day = models.DateField(_("to"), null=True, blank=True, help_text=_("Empty: until further notice."))
    created_at = models.DateTimeField(_("created"), auto_now_add=True)

    class Meta(TenantModel.Meta):
        abstract = True


class SeatLease(LeasedThing):
    """A number of seats that a tenant rents. Leases add up; their sum of today is the tenant's entitlement."""

    seats = models.PositiveIntegerField(_("seats"), validators=[MinValueValidator(1)])

    class Meta(LeasedThing.Meta):
        verbose_name = _("seat lease")
        verbose_name_plural = _("seat leases")
        ordering = ("first_day", "id")
        constraints = [
            models.CheckConstraint(
                condition=Q(last_day__isnull=True) | Q(last_day__gte=F("first_day")), name="seat_lease_forward"
            ),
            models.CheckConstraint(condition=Q(seats__gte=1, price_per_month__gte=0), name="seat_lease_terms"),
        ]

    def __str__(self) -> str:
        return f"{self.seats} × {self.price_per_month} {self.currency}"


class NumberLease(LeasedThing):
    """One telephone number that a tenant rents. It is leased at most once at a time."""

    number = TenantForeignKey(Number, verbose_name=_("number"))

    class Meta(LeasedThing.Meta):
        verbose_name = _("number lease")
        verbose_name_plural = _("number leases")
        ordering = ("first_day", "id")
        constraints = [
            models.CheckConstraint(
                condition=Q(last_day__isnull=True) | Q(last_day__gte=F("first_day")), name="number_lease_forward"
            ),
            models.CheckConstraint(condition=Q(price_per_month__gte=0), name="number_lease_terms"),
            ExclusionConstraint(
                name="number_leased_once_a_day",
                expressions=[("number", RangeOperators.EQUAL), (INCLUSIVE_DAYS, RangeOperators.OVERLAPS)],
                violation_error_message=_("This number is already leased on some of these days."),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.number_id} {self.price_per_month} {self.currency}"
