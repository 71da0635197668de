"""What was used: one line for each metered fact, never changed, never written twice; corrections are further lines."""

import datetime as dt
from uuid import UUID

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from billing.models.leases import NumberLease, SeatLease
from billing.models.rates import CURRENCY
from routing.public import Contact, OutboundCall
from tenants.public import TenantForeignKey, TenantModel


class UsageLine(TenantModel):
    """One metered fact with its price. `key` names the fact; the unique key is what makes rating exactly-once.

    `quantity` counts `unit`s as billed; `unit_price` is per minute (minutes) or per month (rent), as agreed. `amount`
    has six places and is not rounded further before it is in a total. `occurred_on` is a day of the tenant's time
    zone: the day on which a contact arrived, a call was dialled, or the day that was rented. `explanation` says how the
    amount came about (`billing.explain` words it).

    A correction is a line too: it `corrects` the line of a fact, never another correction; `amount` and `quantity` are
    what is added to that line (or taken off), `reason` and `made_by` say why and who, its day is that of its making.
    """

    class Kind(models.TextChoices):
        SEAT = "seat", _("seats")
        NUMBER = "number", _("numbers")
        MINUTES = "minutes", _("minutes")

    class Unit(models.TextChoices):
        SECOND = "second", _("seconds")
        SEAT_DAY = "seat_day", _("seat days")
        NUMBER_DAY = "number_day", _("number days")

    key = models.CharField(max_length=96)
    kind = models.CharField(_("kind"), max_length=8, choices=Kind)
    contact = TenantForeignKey(Contact, null=True, verbose_name=_("contact"))
    seat_lease = TenantForeignKey(SeatLease, null=True, verbose_name=_("seat lease"))
    number_lease = TenantForeignKey(NumberLease, null=True, verbose_name=_("number lease"))
    outbound_call = TenantForeignKey(OutboundCall, null=True, db_index=False, verbose_name=_("outbound call"))
    corrects = TenantForeignKey(
        "self", null=True, db_index=False, related_name="corrections", verbose_name=_("corrected line")
    )
    reason = models.CharField(_("reason"), max_length=200, blank=True, default="", db_default="")
    made_by = models.CharField(_("made by"), max_length=64, blank=True, default="", db_default="")
    occurred_on = models.DateField(_("day"))
    quantity = models.DecimalField(_("quantity"), max_digits=18, decimal_places=6)
    unit = models.CharField(_("unit"), max_length=12, choices=Unit)
    unit_price = models.DecimalField(_("price"), max_digits=18, decimal_places=6)
    amount = models.DecimalField(_("amount"), max_digits=18, decimal_places=6)
    currency = models.CharField(_("currency"), max_length=3, validators=[CURRENCY])
    explanation = models.JSONField(_("explanation"))
    created_at = models.DateTimeField(_("written"), auto_now_add=True)

    class Meta(TenantModel.Meta):
        verbose_name = _("usage line")
        verbose_name_plural = _("usage lines")
        ordering = ("occurred_on", "id")
        constraints = [
            models.UniqueConstraint(fields=["tenant", "key"], name="usage_once"),
            models.CheckConstraint(
                condition=Q(kind="minutes", contact__isnull=False, seat_lease__isnull=True, number_lease__isnull=True)
                | Q(kind="seat", contact__isnull=True, seat_lease__isnull=False, number_lease__isnull=True)
                | Q(kind="number", contact__isnull=True, seat_lease__isnull=True, number_lease__isnull=False),
                name="usage_of_one_thing",
            ),
            models.CheckConstraint(
                condition=Q(corrects__isnull=True, reason="", made_by="")
                | Q(corrects__isnull=False) & ~Q(reason="") & ~Q(made_by=""),
                name="usage_correction_says_why_and_who",
            ),
        ]
        indexes = [
            models.Index(fields=["tenant", "occurred_on", "id"], name="usage_by_day"),
            models.Index(fields=["tenant", "corrects"], condition=Q(corrects__isnull=False), name="usage_corrections"),
            models.Index(
                fields=["tenant", "outbound_call"],
                condition=Q(outbound_call__isnull=False),
                name="usage_of_outbound_calls",
            ),
        ]

    def __str__(self) -> str:
        return self.key


def contact_key(contact_id: UUID) -> str:
    """The key of the line for a contact's minutes."""
    return f"contact:{contact_id}"


def outbound_key(call_id: UUID) -> str:
    """The key of the line for a call that the platform made to the outside."""
    return f"outbound:{call_id}"


def correction_key(line_id: UUID, nth: int) -> str:
    """The key of a line's `nth` correction, counted from 1."""
    return f"correction:{line_id}:{nth}"


def rent_key(kind: str, lease_id: UUID, day: dt.date) -> str:
    """The key of the line for one day of a lease; `kind` as in `UsageLine.Kind`."""
    return f"{kind}:{lease_id}:{day.isoformat()}"
