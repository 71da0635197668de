"""Records: rows that follow from the event log and from nothing else (`reporting.projection`).

They hold ids and figures only, so the engine may write them; names, numbers and notes are joined when they are read, in
the tenant's scope. References are plain ids: a record outlives what it names. Words of closed lists (states, reasons)
are routing's, whose enumerations say what they mean. Times are UTC, on the database's clock (what the switch reported,
brought onto it); durations are the differences of such times.
"""

from datetime import timedelta

from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from routing.public import ContactState, EndedBy, EndReason, OfferState, SegmentKind
from tenants.public import TenantManager, TenantModel


class HungUpBy(models.TextChoices):
    """Whose wish ended a contact."""

    CALLER = "caller", _("caller")
    AGENT = "agent", _("agent")
    SUPERVISOR = "supervisor", _("supervisor")
    OUTSIDE = "outside", _("outside party")
    HOTSEAT = "hotseat", "Hotseat"
    EXCHANGE = "exchange", _("lost with the exchange")


class CallRecord(TenantModel):
    """What became of one contact; its id is the contact's. `talked` and `held` are of stretches that are over.

    `session_id` is who answered first, `queue_id` the queue that it stood in then, or stands in, and `queued_at` since
    when: it is passed on `transfers` times afterwards, which its stretches tell. `sip_call_id` and `node` are of
    the caller's leg.
    """

    interaction_id = models.UUIDField()
    ordinal = models.PositiveSmallIntegerField()
    state = models.CharField(_("state"), max_length=12)
    end_reason = models.CharField(_("end"), max_length=16, blank=True)
    hung_up_by = models.CharField(_("ended by"), max_length=10, choices=HungUpBy, blank=True)
    direction = models.CharField(_("direction"), max_length=8)
    channel = models.CharField(_("channel"), max_length=12)
    language = models.CharField(_("language"), max_length=10)
    segment = models.CharField(
        pgettext_lazy("customer", "segment"), max_length=40, blank=True, default="", db_default=""
    )
    is_test = models.BooleanField(_("test"), default=False)
    node = models.CharField(_("exchange"), max_length=64, blank=True)
    sip_call_id = models.CharField(max_length=255, blank=True)
    entry_point_id = models.UUIDField(null=True)
    queue_id = models.UUIDField(null=True)
    session_id = models.UUIDField(null=True)
    disposition_id = models.UUIDField(null=True)
    arrived_at = models.DateTimeField(_("arrived"))
    queued_at = models.DateTimeField(_("queued"), null=True)
    connected_at = models.DateTimeField(_("answered"), null=True)
    ended_at = models.DateTimeField(_("ended"), null=True)
    talked = models.DurationField(default=timedelta)
    held = models.DurationField(default=timedelta)
    transfers = models.PositiveSmallIntegerField(_("transfers"), default=0, db_default=0)
    metered_ms = models.PositiveBigIntegerField(null=True)

    class Meta(TenantModel.Meta):
        indexes = [
            models.Index(fields=["tenant", "-arrived_at", "-id"], name="records_by_arrival"),
            models.Index(fields=["tenant", "queued_at"], name="records_by_queueing"),
        ]

    def __str__(self) -> str:
        return str(self.id)

    @property
    def end_label(self) -> str:
        """Why it ended, in the active language; "" while it runs."""
        return str(EndReason(self.end_reason).label) if self.end_reason else ""

    @property
    def state_label(self) -> str:
        """Its state in the active language."""
        return str(ContactState(self.state).label)


class StretchKind(models.TextChoices):
    """Stretches of a contact, and of an agent's session; the work after a contact is one of both."""

    FLOW = SegmentKind.FLOW.value, _("flow")
    QUEUE = SegmentKind.QUEUE.value, _("queue")
    RING = SegmentKind.RING.value, _("ringing")
    TALK = SegmentKind.TALK.value, _("talking")
    HOLD = SegmentKind.HOLD.value, _("hold")
    CONSULT = SegmentKind.CONSULT.value, _("consult")
    WRAP_UP = SegmentKind.WRAP_UP.value, _("wrap-up")
    READY = "ready", _("ready")
    NOT_READY = "not_ready", _("not ready")


WORK = (StretchKind.TALK, StretchKind.HOLD, StretchKind.WRAP_UP)
"""What handling a contact consists of (AHT)."""


class Stretch(TenantModel):
    """From when to when something went on. Its id is that of the event that began it; while it runs it has no end.

    `aggregate_id` is whose events tell of it, a contact's, a session's or a diversion's: of each, one runs at most. A
    contact's stretches are those with its `contact_id`, an agent session's those with its `session_id`.
    """

    aggregate_id = models.UUIDField()
    seq = models.PositiveIntegerField()
    kind = models.CharField(_("kind"), max_length=9, choices=StretchKind)
    contact_id = models.UUIDField(null=True)
    session_id = models.UUIDField(null=True)
    queue_id = models.UUIDField(null=True)
    reason_id = models.UUIDField(null=True)
    started_at = models.DateTimeField(_("from"))
    ended_at = models.DateTimeField(_("to"), null=True)

    class Meta(TenantModel.Meta):
        constraints = [
            models.CheckConstraint(
                condition=Q(ended_at__isnull=True) | Q(ended_at__gte=F("started_at")), name="stretch_forward"
            ),
            models.UniqueConstraint(
                fields=["aggregate_id"], condition=Q(ended_at__isnull=True), name="one_running_stretch"
            ),
        ]
        indexes = [
            models.Index(fields=["tenant", "contact_id"], name="stretches_of_contact"),
            models.Index(fields=["tenant", "session_id", "started_at"], name="stretches_of_session"),
            models.Index(
                fields=["tenant", "started_at"],
                include=["kind", "contact_id", "session_id", "ended_at"],
                condition=Q(kind__in=WORK),
                name="work_stretches",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.started_at}"


class OfferRecord(TenantModel):
    """One contact asked of one agent session; its id is the offer's. `decision` says why this one."""

    contact_id = models.UUIDField()
    session_id = models.UUIDField()
    is_test = models.BooleanField(default=False)
    state = models.CharField(_("state"), max_length=12)
    cause = models.CharField(max_length=32, blank=True)
    offered_at = models.DateTimeField()
    ringing_at = models.DateTimeField(null=True)
    accepted_at = models.DateTimeField(null=True)
    ended_at = models.DateTimeField(null=True)
    decision = models.JSONField(default=dict)

    class Meta(TenantModel.Meta):
        indexes = [
            models.Index(fields=["tenant", "contact_id"], name="offers_of_contact"),
            models.Index(fields=["tenant", "offered_at"], name="offers_by_time"),
        ]

    def __str__(self) -> str:
        return str(self.id)

    @property
    def state_label(self) -> str:
        """What became of it, in the active language."""
        return str(OfferState(self.state).label)


class LegRecord(TenantModel):
    """One channel of the exchange that is over; its id is the leg's. `cause` is Q.850, `sip_status` a final refusal."""

    class Side(models.TextChoices):
        CALLER = "caller", _("caller")
        AGENT = "agent", _("agent")
        OUTSIDE = "outside", _("outside party")

    interaction_id = models.UUIDField()
    contact_id = models.UUIDField()
    offer_id = models.UUIDField(null=True)
    session_id = models.UUIDField(null=True)
    is_test = models.BooleanField(default=False)
    side = models.CharField(max_length=8, choices=Side)
    node = models.CharField(max_length=64)
    sip_call_id = models.CharField(max_length=255, blank=True)
    created_at = models.DateTimeField()
    ringing_at = models.DateTimeField(null=True)
    answered_at = models.DateTimeField(null=True)
    bridged_at = models.DateTimeField(null=True)
    ended_at = models.DateTimeField()
    ended_by = models.CharField(max_length=8)
    cause = models.PositiveSmallIntegerField(null=True)
    sip_status = models.PositiveSmallIntegerField(null=True)

    class Meta(TenantModel.Meta):
        indexes = [models.Index(fields=["tenant", "contact_id"], name="legs_of_contact")]

    def __str__(self) -> str:
        return str(self.id)

    @property
    def ended_by_label(self) -> str:
        """Who ended it, in the active language."""
        return str(EndedBy(self.ended_by).label)


class SessionRecord(TenantModel):
    """An agent at a station, from login to logout; its id is the agent session's."""

    agent_id = models.UUIDField()
    station_id = models.UUIDField()
    profile_id = models.UUIDField()
    logged_in_at = models.DateTimeField()
    logged_out_at = models.DateTimeField(null=True)

    class Meta(TenantModel.Meta):
        indexes = [models.Index(fields=["tenant", "logged_in_at"], name="sessions_by_login")]

    def __str__(self) -> str:
        return str(self.id)


class Projection(models.Model):
    """How far the records of one aggregate are. Events `done_seq` + 1 to `known_seq` and more are to be written down.

    `failed`: its events cannot be; it is left alone until one more comes, or a rebuild.
    """

    aggregate_id = models.UUIDField(primary_key=True)
    tenant = models.ForeignKey("tenants.Tenant", on_delete=models.PROTECT, db_index=False)
    aggregate_type = models.CharField(max_length=24)
    known_seq = models.PositiveIntegerField()
    done_seq = models.PositiveIntegerField(default=0, db_default=0)
    failed = models.BooleanField(default=False, db_default=False)

    objects: TenantManager["Projection"] = TenantManager()

    class Meta:
        base_manager_name = "objects"
        indexes = [
            models.Index(
                fields=["aggregate_id"],
                condition=Q(known_seq__gt=F("done_seq"), failed=False),
                name="projections_behind",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.aggregate_type} {self.aggregate_id}"
