"""A customer's connection (interaction, legs) and its handlings (contacts, segments, participations).

None of these tables holds personal data: numbers, names and digits are in `ContactParty`, which the engine may write
but never read.
"""

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from agents.public import Agent, AgentSession, Channel, Slot
from routing.models.ways import EntryPoint, FlowVersion, Queue
from routing.states import ContactState, EndReason, SegmentKind
from tenants.public import Customer, Number, PlatformModel, TenantForeignKey, TenantModel


class Direction(models.TextChoices):
    INBOUND = "inbound", _("inbound")
    OUTBOUND = "outbound", _("outbound")


class Interaction(PlatformModel):
    """One customer's connection to the platform. It belongs to the platform; its contacts belong to tenants.

    `clock_offset_ms` is the database's clock minus the switch's, fixed at arrival: every duration of the interaction
    is the difference of two of the switch's times, and every stored time a switch time plus this one offset.
    """

    node = models.CharField(max_length=64)
    caller_channel = models.CharField(max_length=128, unique=True)
    direction = models.CharField(max_length=8, choices=Direction, default=Direction.INBOUND)
    channel = models.CharField(max_length=12, choices=Channel, default=Channel.VOICE)
    is_test = models.BooleanField(default=False)
    clock_offset_ms = models.BigIntegerField()
    started_at = models.DateTimeField()
    answered_at = models.DateTimeField(null=True)
    ended_at = models.DateTimeField(null=True)

    class Meta:
        indexes = [
            models.Index(
                fields=["node"],
                condition=Q(ended_at__isnull=True),
                name="open_interactions",
            )
        ]

    def __str__(self) -> str:
        return str(self.id)


class Leg(PlatformModel):
    """One channel of the switch. The caller's leg has no offer; an agent's leg belongs to one."""

    interaction = models.ForeignKey(Interaction, on_delete=models.PROTECT, related_name="legs")
    node = models.CharField(max_length=64)
    channel_id = models.CharField(max_length=128, unique=True)
    offer_id = models.UUIDField(null=True)
    sip_call_id = models.CharField(max_length=255, blank=True)
    created_at = models.DateTimeField()
    ringing_at = models.DateTimeField(null=True)
    answered_at = models.DateTimeField(null=True)
    bridged_at = models.DateTimeField(null=True)
    ended_at = models.DateTimeField(null=True)
    cause = models.PositiveSmallIntegerField(null=True)
    sip_status = models.PositiveSmallIntegerField(null=True)
    ended_by_us = models.BooleanField(default=False)

    class Meta:
        indexes = [models.Index(fields=["node"], condition=Q(ended_at__isnull=True), name="open_legs")]

    def __str__(self) -> str:
        return self.channel_id


class Contact(TenantModel):
    """One handling of an interaction by one tenant. Its tenant never changes; a hand-over begins the next contact.

    `node` and `caller_channel` repeat the interaction's, which the tenant's own scope cannot read. `ending` is what the
    end will be called once the switch reports it: it was asked to hang up and for what reason. `ages_at` is when it
    will go before all that have not waited as long, while that is still to come. Until `affinity_until` it goes to
    nobody but the agent at work in `affinity_session`, as long as that lasts. `segment` and `account_agent` are the
    customer's, once it has been looked up who calls, which the first step of a flow need not do. `call_back` is what an
    outbound contact is an attempt of, or what the caller of an inbound one has taken.
    """

    interaction = models.ForeignKey(Interaction, on_delete=models.PROTECT, related_name="contacts")
    node = models.CharField(max_length=64)
    caller_channel = models.CharField(max_length=128)
    ordinal = models.PositiveSmallIntegerField(default=0)
    state = models.CharField(_("state"), max_length=12, choices=ContactState, default=ContactState.ARRIVING)
    end_reason = models.CharField(_("end"), max_length=16, choices=EndReason, blank=True)
    ending = models.CharField(max_length=16, choices=EndReason, blank=True)
    direction = models.CharField(_("direction"), max_length=8, choices=Direction, default=Direction.INBOUND)
    channel = models.CharField(_("channel"), max_length=12, choices=Channel, default=Channel.VOICE)
    language = models.CharField(_("language"), max_length=10)
    is_test = models.BooleanField(default=False)
    number = TenantForeignKey(Number, null=True, verbose_name=_("number"))
    entry_point = TenantForeignKey(EntryPoint, null=True, verbose_name=_("entry point"))
    flow_version = TenantForeignKey(FlowVersion, null=True)
    segment = models.CharField(
        pgettext_lazy("customer", "segment"), max_length=40, blank=True, default="", db_default=""
    )
    calling_hash = models.CharField(max_length=64, blank=True)
    queue = TenantForeignKey(Queue, null=True, verbose_name=_("queue"))
    demand = TenantForeignKey("routing.Demand", null=True)
    step = models.PositiveSmallIntegerField(default=0)
    priority = models.SmallIntegerField(default=0)
    order_at = models.DateTimeField(null=True)
    ages_at = models.DateTimeField(null=True)
    affinity_session = TenantForeignKey(AgentSession, null=True, related_name="+", db_index=False)
    affinity_until = models.DateTimeField(null=True)
    account_agent = TenantForeignKey(Agent, null=True, related_name="+", db_index=False)
    call_back = TenantForeignKey("routing.CallBack", null=True, related_name="+", db_index=False)
    arrived_at = models.DateTimeField(_("arrived"))
    queued_at = models.DateTimeField(_("queued"), null=True)
    connected_at = models.DateTimeField(_("answered"), null=True)
    ended_at = models.DateTimeField(_("ended"), null=True)
    metered_ms = models.PositiveBigIntegerField(null=True)
    disposition = TenantForeignKey("routing.Disposition", null=True, verbose_name=_("disposition"))
    version = models.PositiveIntegerField(default=0)

    class Meta(TenantModel.Meta):
        verbose_name = _("contact")
        verbose_name_plural = _("contacts")
        constraints = [
            models.UniqueConstraint(fields=["interaction", "ordinal"], name="contact_ordinal_once"),
            models.UniqueConstraint(
                fields=["interaction"],
                condition=~Q(state=ContactState.ENDED),
                name="one_open_contact_per_interaction",
            ),
            models.CheckConstraint(
                condition=Q(state=ContactState.ENDED, ended_at__isnull=False) & ~Q(end_reason="")
                | (~Q(state=ContactState.ENDED) & Q(ended_at__isnull=True, end_reason="")),
                name="contact_ends_with_time_and_reason",
            ),
            models.CheckConstraint(
                condition=~Q(state=ContactState.QUEUED) | Q(demand__isnull=False, order_at__isnull=False),
                name="queued_contact_has_demand_and_place",
            ),
        ]
        indexes = [
            models.Index(
                fields=["tenant", "demand", "-priority", "order_at", "id"],
                condition=Q(state=ContactState.QUEUED),
                name="waiting_contacts",
            ),
            models.Index(
                fields=["tenant"],
                condition=~Q(state=ContactState.ENDED),
                name="open_contacts",
            ),
            models.Index(fields=["tenant", "arrived_at"], name="contacts_by_arrival"),
            models.Index(fields=["tenant", "queued_at"], name="contacts_by_queueing"),
            models.Index(
                fields=["tenant", "calling_hash", "arrived_at"],
                name="contacts_of_a_caller",
            ),
        ]

    def __str__(self) -> str:
        return str(self.id)


class ContactParty(TenantModel):
    """Everything personal about a contact: who called what, which keys they pressed, what was noted."""

    contact = TenantForeignKey(Contact, on_delete=models.CASCADE, related_name="+")
    ani = models.CharField(_("calling number"), max_length=16, blank=True)
    ani_restricted = models.BooleanField(default=False)
    dnis = models.CharField(_("called number"), max_length=64, blank=True)
    name = models.CharField(_("name"), max_length=120, blank=True)
    digits = models.JSONField(_("digits"), default=dict)
    note = models.TextField(_("note"), blank=True)

    class Meta(TenantModel.Meta):
        verbose_name = _("contact's party")
        verbose_name_plural = _("contacts' parties")
        constraints = [models.UniqueConstraint(fields=["contact"], name="one_party_per_contact")]
        indexes = [models.Index(fields=["tenant", "ani"], name="party_by_ani")]

    def __str__(self) -> str:
        return str(self.contact_id)


class WorkItem(TenantModel):
    """What a contact of the work channel is about: a letter, a form, a follow-up. Personal; its id is its contact's.

    It is never changed. `due_at` orders it where the tenant's policy orders by what is due first.
    """

    class Kind(models.TextChoices):
        LETTER = "letter", _("letter")
        FORM = "form", _("form")
        FOLLOW_UP = "follow_up", _("follow-up")
        OTHER = "other", _("other work")

    contact = TenantForeignKey(Contact, on_delete=models.CASCADE, related_name="+")
    kind = models.CharField(_("kind"), max_length=12, choices=Kind, default=Kind.OTHER)
    subject = models.CharField(_("subject"), max_length=200)
    body = models.TextField(_("text"), blank=True)
    reference = models.CharField(_("reference"), max_length=80, blank=True)
    customer = TenantForeignKey(
        Customer, on_delete=models.SET_NULL, null=True, related_name="+", verbose_name=_("customer")
    )
    due_at = models.DateTimeField(_("due"), null=True)

    class Meta(TenantModel.Meta):
        verbose_name = _("work item")
        verbose_name_plural = _("work items")
        constraints = [models.UniqueConstraint(fields=["contact"], name="one_work_item_per_contact")]
        indexes = [
            models.Index(fields=["tenant", "due_at"], name="work_items_by_due_time"),
            models.Index(fields=["customer"], name="work_items_of_customer"),
        ]

    def __str__(self) -> str:
        return self.subject


class FlowRun(TenantModel):
    """Where a contact stands in its flow (`routing.flows.FlowState` as JSON).

    It holds keys that the caller pressed, so the engine's role cannot read it: flows advance in the tenant's scope.
    `applied` are the keys of the latest switch events it has taken in: one that comes again changes nothing.
    """

    contact = TenantForeignKey(Contact, on_delete=models.CASCADE, related_name="+")
    state = models.JSONField()
    applied = models.JSONField(default=list)

    class Meta(TenantModel.Meta):
        constraints = [models.UniqueConstraint(fields=["contact"], name="one_flow_run_per_contact")]

    def __str__(self) -> str:
        return str(self.contact_id)


class Segment(TenantModel):
    """A stretch of a contact, on the database's clock (the switch's plus the offset). While it runs it has no end."""

    contact = TenantForeignKey(Contact, on_delete=models.CASCADE, related_name="segments")
    kind = models.CharField(_("kind"), max_length=8, choices=SegmentKind)
    queue = TenantForeignKey(Queue, null=True, verbose_name=_("queue"))
    session = TenantForeignKey(AgentSession, null=True)
    started_at = models.DateTimeField(_("from"))
    ended_at = models.DateTimeField(_("to"), null=True)

    class Meta(TenantModel.Meta):
        verbose_name = _("segment")
        verbose_name_plural = _("segments")
        ordering = ("started_at", "id")
        constraints = [
            models.CheckConstraint(
                condition=Q(ended_at__isnull=True) | Q(ended_at__gte=models.F("started_at")),
                name="segment_forward",
            ),
            models.UniqueConstraint(
                fields=["contact"],
                condition=Q(ended_at__isnull=True) & ~Q(kind=SegmentKind.WRAP_UP),
                name="one_running_segment_per_contact",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.started_at}"


class Participation(TenantModel):
    """Who is on a contact, in what part, from when to when."""

    class Part(models.TextChoices):
        HANDLER = "handler", _("handles it")

    contact = TenantForeignKey(Contact, on_delete=models.CASCADE, related_name="participations")
    session = TenantForeignKey(AgentSession)
    slot = TenantForeignKey(Slot, null=True, on_delete=models.SET_NULL)
    leg_channel = models.CharField(max_length=128)
    part = models.CharField(max_length=8, choices=Part, default=Part.HANDLER)
    joined_at = models.DateTimeField()
    left_at = models.DateTimeField(null=True)

    class Meta(TenantModel.Meta):
        constraints = [
            models.UniqueConstraint(
                fields=["contact", "session"],
                condition=Q(left_at__isnull=True),
                name="participates_once",
            )
        ]
        indexes = [
            models.Index(
                fields=["tenant", "session"],
                condition=Q(left_at__isnull=True),
                name="participations_now",
            )
        ]

    def __str__(self) -> str:
        return f"{self.session_id} on {self.contact_id}"
