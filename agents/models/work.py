"""Agents at work: profiles, sessions and slots. Nothing here is personal, so the engine may read it all."""

from collections.abc import Mapping

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Q, Value
from django.db.models.functions import Now
from django.utils.translation import gettext_lazy as _

from agents.channels import Channel, check_capacity, check_rule, usual_capacity, usual_rule
from agents.models.people import Agent, NotReadyReason, Station
from agents.states import SessionState
from tenants.public import TenantForeignKey, TenantModel


class SkillProfile(TenantModel):
    """A set of skills with proficiencies that sessions work with; equal sets are one row.

    `key` is the canonical form ("english=3,loans=5", sorted); `skills` the same as a mapping.
    """

    key = models.CharField(max_length=2000)
    skills = models.JSONField(default=dict)

    class Meta(TenantModel.Meta):
        verbose_name = _("skill profile")
        verbose_name_plural = _("skill profiles")
        constraints = [models.UniqueConstraint(fields=["tenant", "key"], name="profile_once")]

    def __str__(self) -> str:
        return self.key or "–"


class AgentSession(TenantModel):
    """One agent logged in at one station with one profile. "Busy" is not a state: it follows from the slots.

    `reserve` repeats the agent's, which the engine cannot read.
    """

    agent = TenantForeignKey(Agent, verbose_name=_("agent"))
    station = TenantForeignKey(Station, verbose_name=_("station"))
    profile = TenantForeignKey(SkillProfile, verbose_name=_("skill profile"))
    reserve = models.BooleanField(_("reserve"), default=False, db_default=False)
    state = models.CharField(_("state"), max_length=12, choices=SessionState, default=SessionState.NOT_READY)
    reason = TenantForeignKey(NotReadyReason, null=True, verbose_name=_("reason"))
    state_since = models.DateTimeField(_("since"))
    next_state = models.CharField(max_length=12, choices=SessionState, default=SessionState.READY)
    next_reason = TenantForeignKey(NotReadyReason, null=True, related_name="+")
    wrap_up_contact_id = models.UUIDField(null=True)
    wrap_up_until = models.DateTimeField(_("wrap-up until"), null=True)
    backoff_until = models.DateTimeField(null=True)
    presence_at = models.DateTimeField(null=True)
    logged_in_at = models.DateTimeField(_("logged in"))
    logged_out_at = models.DateTimeField(_("logged out"), null=True)
    version = models.PositiveIntegerField(default=0)

    class Meta(TenantModel.Meta):
        verbose_name = _("agent session")
        verbose_name_plural = _("agent sessions")
        constraints = [
            models.UniqueConstraint(
                fields=["agent"],
                condition=Q(logged_out_at__isnull=True),
                name="one_open_session_per_agent",
            ),
            models.UniqueConstraint(
                fields=["station"],
                condition=Q(logged_out_at__isnull=True),
                name="one_open_session_per_station",
            ),
            models.CheckConstraint(
                condition=Q(state=SessionState.LOGGED_OUT, logged_out_at__isnull=False)
                | (~Q(state=SessionState.LOGGED_OUT) & Q(logged_out_at__isnull=True)),
                name="logged_out_has_its_time",
            ),
        ]
        indexes = [
            models.Index(
                fields=["tenant"],
                condition=Q(logged_out_at__isnull=True),
                name="open_sessions",
            ),
            models.Index(
                fields=["presence_at"],
                condition=Q(logged_out_at__isnull=True, presence_at__isnull=False),
                name="presence_of_open_sessions",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.agent_id} at {self.station_id}"


class Reserve(TenantModel):
    """Whether a tenant's agents of the reserve take part in matching now: one row, made when it is first needed.

    While it is open, `opened_at` says since when, and `until` when it closes by itself, if it does.
    """

    opened_at = models.DateTimeField(_("open since"), null=True)
    until = models.DateTimeField(_("until"), null=True)
    version = models.PositiveIntegerField(default=0)

    class Meta(TenantModel.Meta):
        verbose_name = _("reserve")
        verbose_name_plural = _("reserves")
        constraints = [
            models.UniqueConstraint(fields=["tenant"], name="one_reserve_per_tenant"),
            models.CheckConstraint(
                condition=Q(until__isnull=True) | Q(opened_at__isnull=False), name="only_an_open_reserve_has_an_end"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.opened_at} – {self.until}"


class ChannelRules(TenantModel):
    """How many contacts of each channel an agent of the tenant may have at once, and what may come on top of what.

    `capacity` is of agents who have none of their own. `kept_away_by`: while an agent holds a contact of one of these
    channels, or is offered one, none comes on the channel that they are named for. Without a row: as usual.
    """

    capacity = models.JSONField(_("at once"), default=usual_capacity, validators=[check_capacity])
    kept_away_by = models.JSONField(_("kept away by"), default=usual_rule, blank=True, validators=[check_rule])

    class Meta(TenantModel.Meta):
        verbose_name = _("channel rules")
        verbose_name_plural = _("channel rules")
        constraints = [models.UniqueConstraint(fields=["tenant"], name="one_row_of_channel_rules")]

    def __str__(self) -> str:
        return ", ".join(f"{Channel(channel).label} {most}" for channel, most in sorted(self.capacity.items()))

    def capacity_of(self, agent: Agent) -> Mapping[str, int]:
        """Return how many contacts of each channel this agent may have at once."""
        return {**usual_capacity(), **self.capacity, **agent.capacity}

    def keeps_away(self, channel: str) -> list[str]:
        """Return the channels on which nothing comes while an agent holds a contact of this one."""
        return sorted(other for other, by in self.kept_away_by.items() if channel in by)


class Slot(TenantModel):
    """One unit of an agent's capacity on a channel.

    `open` (written by `agents`): its agent is ready, no back-off runs, the reserve is open if it is of that, and the
    agent holds nothing that keeps this channel away. `held`: a `routing.SlotHold` row names it (written by `routing`,
    with that row). Open and not held, it is free.

    `blocks` are the channels of the session's slots that are kept shut while this one is held: what the tenant's rules
    come to, for the slots that the session has. One that is `retired` was given up by a smaller capacity: it is never
    open, and as long as it is held, its own channel stays shut too.

    Free slots are ordered by what the rules of queues prefer, each by an index of its own: `idle_since`; `offered_at`,
    the moment of the last offer, or of the log-in; and as they were when it was last released after work, in this
    log-in: `contacts`, how many it has served, and `occupancy`, the share of the time since the log-in for which it was
    held by them, ringing included. `busy_seconds` is that time.
    """

    session = TenantForeignKey(AgentSession, on_delete=models.CASCADE, related_name="slots")
    profile = TenantForeignKey(SkillProfile)
    channel = models.CharField(max_length=12, choices=Channel, default=Channel.VOICE)
    ordinal = models.PositiveSmallIntegerField(default=0)
    blocks = ArrayField(models.CharField(max_length=12), default=list, db_default=Value("{}"))
    retired = models.BooleanField(default=False, db_default=False)
    open = models.BooleanField(default=False)
    held = models.BooleanField(default=False)
    idle_since = models.DateTimeField()
    offered_at = models.DateTimeField(db_default=Now())
    contacts = models.PositiveIntegerField(default=0, db_default=0)
    busy_seconds = models.FloatField(default=0, db_default=0)
    occupancy = models.FloatField(default=0, db_default=0)

    class Meta(TenantModel.Meta):
        constraints = [
            models.UniqueConstraint(fields=["tenant", "session", "channel", "ordinal"], name="slot_once"),
        ]
        indexes = [
            models.Index(
                fields=["tenant", "channel", "profile", "idle_since", "id"],
                condition=Q(open=True, held=False),
                name="free_slots",
            ),
            *(
                models.Index(
                    fields=["tenant", "channel", "profile", by, "idle_since", "id"],
                    condition=Q(open=True, held=False),
                    name=f"free_slots_by_{by}",
                )
                for by in ("occupancy", "contacts", "offered_at")
            ),
        ]

    def __str__(self) -> str:
        return f"{self.session_id} {self.channel} {self.ordinal}"
