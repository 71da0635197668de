"""The event log, its outbox, and the timers."""

from django.db import models
from django.utils.translation import gettext_lazy as _

from tenants.ids import uuid7
from tenants.models.base import TenantManager, TenantModel


class Event(models.Model):
    """One thing that happened. Append-only, partitioned by month over the UUIDv7; it is the audit of hot tables.

    `seq` counts the aggregate's events from 1 without a gap; the aggregate's row lock serialises it.
    `occurred_at` is when it happened (by the switch's clock for what the switch saw), `recorded_at` when it was
    written (the database's clock). Both are UTC.
    """

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    tenant = models.ForeignKey("tenants.Tenant", on_delete=models.PROTECT, db_index=False)
    type = models.CharField(_("kind"), max_length=48)
    schema_version = models.PositiveSmallIntegerField(default=1)
    aggregate_type = models.CharField(_("of a"), max_length=24)
    aggregate_id = models.UUIDField(_("its id"))
    seq = models.PositiveIntegerField(_("its event"))
    actor = models.CharField(_("by"), max_length=64)
    node = models.CharField(_("node"), max_length=64, blank=True)
    occurred_at = models.DateTimeField(_("happened"))
    recorded_at = models.DateTimeField(_("written"))
    is_test = models.BooleanField(_("test"), default=False)
    data = models.JSONField(_("data"), default=dict)

    objects: TenantManager["Event"] = TenantManager()

    class Meta:
        managed = False
        db_table = "tenants_event"
        base_manager_name = "objects"
        verbose_name = _("event")
        verbose_name_plural = _("events")

    def __str__(self) -> str:
        return f"{self.type} {self.aggregate_id}#{self.seq}"


class Outbox(models.Model):
    """An event that the relay has not yet passed on. The row goes when it has."""

    event_id = models.UUIDField(primary_key=True)
    tenant = models.ForeignKey("tenants.Tenant", on_delete=models.PROTECT, db_index=False)

    objects: TenantManager["Outbox"] = TenantManager()

    class Meta:
        base_manager_name = "objects"

    def __str__(self) -> str:
        return str(self.event_id)


class Timer(TenantModel):
    """Something due later. One of a kind per subject; setting it again replaces it.

    The effect commits in the transaction that deletes the row, so it happens exactly once. `failures` counts the
    attempts that did not get so far; each puts `due_at` off.
    """

    kind = models.CharField(max_length=32)
    subject_id = models.UUIDField()
    due_at = models.DateTimeField()
    failures = models.PositiveSmallIntegerField(default=0, db_default=0)
    data = models.JSONField(default=dict)

    class Meta(TenantModel.Meta):
        constraints = [models.UniqueConstraint(fields=["kind", "subject_id"], name="timer_once")]
        indexes = [models.Index(fields=["due_at"], name="timer_by_due")]

    def __str__(self) -> str:
        return f"{self.kind} {self.subject_id}"
