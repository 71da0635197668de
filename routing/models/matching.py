"""Who can serve what, who is asked, and who holds which slot."""

from django.db import models
from django.db.models import Q

from agents.public import AgentSession, SkillProfile, Slot
from routing.models.contacts import Contact, Participation
from routing.models.ways import Queue
from routing.states import LIVE_OFFER, OfferState
from tenants.public import TenantForeignKey, TenantManager, TenantModel


class Demand(TenantModel):
    """What a contact needs at its routing step: queue, channel and skills. Equal needs are one row.

    `expression` is canonical ("english>=3&loans>=1"; `routing.expressions`).
    """

    queue = TenantForeignKey(Queue, on_delete=models.CASCADE)
    channel = models.CharField(max_length=12)
    expression = models.CharField(max_length=2000)

    class Meta(TenantModel.Meta):
        constraints = [models.UniqueConstraint(fields=["tenant", "queue", "channel", "expression"], name="demand_once")]

    def __str__(self) -> str:
        return self.expression


class Eligibility(TenantModel):
    """The verdict, yes or no, whether agents with a profile can serve a demand, and how well (`fit`, larger is better).

    Computed by `routing.eligibility.judge` alone. Both verdicts are stored, so that a missing one shows.
    """

    demand = TenantForeignKey(Demand, on_delete=models.CASCADE)
    profile = TenantForeignKey(SkillProfile, on_delete=models.CASCADE)
    fits = models.BooleanField()
    fit = models.SmallIntegerField(default=0)

    class Meta(TenantModel.Meta):
        constraints = [models.UniqueConstraint(fields=["tenant", "demand", "profile"], name="eligibility_once")]

    def __str__(self) -> str:
        return f"{self.demand_id} × {self.profile_id}: {self.fits}"


class Offer(TenantModel):
    """One contact asked of one agent session. It has a lease that expires and a fence that each later write carries.

    The fence grows with every renewal of the lease, so whoever acts on a former lease (a late timer, a desk that
    slept) is refused.

    `decision` is the record of the choice: demand, step, candidates, order, choice.
    """

    contact = TenantForeignKey(Contact, on_delete=models.CASCADE, related_name="offers")
    session = TenantForeignKey(AgentSession)
    agent_tenant_id = models.UUIDField()
    slot = TenantForeignKey(Slot, null=True, on_delete=models.SET_NULL)
    state = models.CharField(max_length=12, choices=OfferState, default=OfferState.OFFERED)
    fence = models.PositiveIntegerField(default=1)
    leg_channel = models.CharField(max_length=128, unique=True)
    answer_mode = models.CharField(max_length=8)
    lease_expires_at = models.DateTimeField()
    offered_at = models.DateTimeField()
    ringing_at = models.DateTimeField(null=True)
    accepted_at = models.DateTimeField(null=True)
    ended_at = models.DateTimeField(null=True)
    cause = models.CharField(max_length=32, blank=True)
    decision = models.JSONField(default=dict)

    class Meta(TenantModel.Meta):
        constraints = [
            models.UniqueConstraint(
                fields=["contact"],
                condition=Q(state__in=LIVE_OFFER),
                name="one_live_offer_per_contact",
            ),
        ]
        indexes = [
            models.Index(
                fields=["tenant", "session"],
                condition=Q(state__in=LIVE_OFFER),
                name="live_offers_of_session",
            ),
            models.Index(
                fields=["lease_expires_at"],
                condition=Q(state__in=LIVE_OFFER),
                name="live_offers_by_lease",
            ),
        ]

    def __str__(self) -> str:
        return str(self.id)


class SlotHold(models.Model):
    """Who holds a slot: an offer, or the participation that it became. The key is the slot, so there is one at most."""

    slot = models.OneToOneField(Slot, primary_key=True, on_delete=models.CASCADE, db_constraint=False)
    tenant = models.ForeignKey("tenants.Tenant", on_delete=models.PROTECT, db_index=False)
    offer = TenantForeignKey(Offer, null=True, on_delete=models.CASCADE)
    participation = TenantForeignKey(Participation, null=True, on_delete=models.CASCADE)

    objects: TenantManager["SlotHold"] = TenantManager()

    class Meta:
        base_manager_name = "objects"
        constraints = [
            models.CheckConstraint(
                condition=Q(offer__isnull=False, participation__isnull=True)
                | Q(offer__isnull=True, participation__isnull=False),
                name="slot_held_by_one_thing",
            ),
            models.UniqueConstraint(fields=["offer"], name="offer_holds_one_slot"),
            models.UniqueConstraint(fields=["participation"], name="participation_holds_one_slot"),
        ]

    def __str__(self) -> str:
        return str(self.slot_id)


class Exclusion(TenantModel):
    """A contact that is not to be offered to a session again before `until`."""

    contact = TenantForeignKey(Contact, on_delete=models.CASCADE)
    session = TenantForeignKey(AgentSession, on_delete=models.CASCADE)
    until = models.DateTimeField()

    class Meta(TenantModel.Meta):
        constraints = [models.UniqueConstraint(fields=["tenant", "contact", "session"], name="exclusion_once")]

    def __str__(self) -> str:
        return f"{self.contact_id} not to {self.session_id}"
