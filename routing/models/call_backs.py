"""Call-backs: who wants to be called, when, and what came of each attempt.

Only `CallBackParty` says whom: it is personal, and the engine cannot read it.
"""

from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from agents.public import Agent
from routing.call_back_states import OPEN_CALL_BACK, CallBackState, Outcome
from routing.models.contacts import Contact
from routing.models.ways import EntryPoint, Queue
from tenants.public import TenantForeignKey, TenantModel


class CallBackMode(models.TextChoices):
    AGENT_FIRST = "agent_first", _("the agent first")
    CUSTOMER_FIRST = "customer_first", _("the customer first")


class CallBackSource(models.TextChoices):
    QUEUE = "queue", _("asked while calling")
    WEB = "web", _("asked on the web")
    AGENT = "agent", _("made by an agent")
    API = "api", _("made by a program")


class CallBackRule(TenantModel):
    """How a service calls back. A service without one does so as the defaults say, and takes none from the web.

    `hours` are opening hours as the flow's "hours" node has them ("weekly", "holidays", "special_days"), in the
    tenant's zone; empty: always. `origins` are the sites whose pages may embed the form.
    """

    entry_point = TenantForeignKey(EntryPoint, verbose_name=_("entry point"))
    queue = TenantForeignKey(
        Queue,
        null=True,
        blank=True,
        related_name="+",
        verbose_name=_("queue"),
        help_text=_("Where call-backs wait that were not asked for in a queue."),
    )
    mode = models.CharField(_("calls"), max_length=16, choices=CallBackMode, default=CallBackMode.AGENT_FIRST)
    most_attempts = models.PositiveSmallIntegerField(
        _("attempts"), default=3, validators=[MinValueValidator(1), MaxValueValidator(20)]
    )
    spacing_seconds = models.PositiveIntegerField(
        _("between attempts (s)"), default=900, validators=[MinValueValidator(10), MaxValueValidator(86_400)]
    )
    ring_seconds = models.PositiveSmallIntegerField(
        _("ring time (s)"), default=30, validators=[MinValueValidator(5), MaxValueValidator(120)]
    )
    keep_seconds = models.PositiveIntegerField(
        _("expires after (s)"), default=86_400, validators=[MinValueValidator(60), MaxValueValidator(2_592_000)]
    )
    hours = models.JSONField(_("opening hours"), default=dict, blank=True)
    on_web = models.BooleanField(_("asked on the web"), default=False)
    key = models.CharField(_("key"), max_length=43, blank=True, editable=False)
    origins = models.JSONField(_("embedded by"), default=list, blank=True)

    class Meta(TenantModel.Meta):
        verbose_name = _("call-back rule")
        verbose_name_plural = _("call-back rules")
        constraints = [
            models.UniqueConstraint(fields=["tenant", "entry_point"], name="one_call_back_rule_per_service"),
            models.UniqueConstraint(fields=["key"], condition=~Q(key=""), name="call_back_key_once"),
        ]

    def __str__(self) -> str:
        return str(self.entry_point_id)


class CallBack(TenantModel):
    """A customer who is to be called. One is open for a customer and service; the customer is known by a keyed hash.

    `since` is the moment by which its contacts are ordered: when the customer came to the queue. `step` and `priority`
    are those that they had there. `due_at` is when it is to be tried next; not before `opens_at`, where the customer
    named a window in the zone `zone`, and not after `expires_at`. `contact` is the attempt under way, `origin` the
    contact from which it was asked. `attempts` counts how often the customer's telephone was dialled. `outcome` is the
    last attempt's.
    """

    entry_point = TenantForeignKey(EntryPoint, verbose_name=_("entry point"))
    queue = TenantForeignKey(Queue, verbose_name=_("queue"))
    calling_hash = models.CharField(max_length=64)
    source = models.CharField(_("asked"), max_length=8, choices=CallBackSource)
    mode = models.CharField(_("calls"), max_length=16, choices=CallBackMode, default=CallBackMode.AGENT_FIRST)
    state = models.CharField(_("state"), max_length=12, choices=CallBackState, default=CallBackState.SCHEDULED)
    outcome = models.CharField(_("outcome"), max_length=16, choices=Outcome, blank=True)
    language = models.CharField(_("language"), max_length=10)
    is_test = models.BooleanField(default=False)
    since = models.DateTimeField()
    priority = models.SmallIntegerField(null=True)
    step = models.PositiveSmallIntegerField(default=0)
    asked_at = models.DateTimeField(_("asked at"))
    opens_at = models.DateTimeField(_("not before"), null=True)
    due_at = models.DateTimeField(_("due"))
    expires_at = models.DateTimeField(_("expires"))
    zone = models.CharField(_("time zone"), max_length=64, blank=True)
    attempts = models.PositiveSmallIntegerField(_("attempts"), default=0)
    contact = TenantForeignKey(Contact, null=True, related_name="+", db_index=False)
    origin = TenantForeignKey(Contact, null=True, related_name="+", db_index=False)
    agent = TenantForeignKey(Agent, null=True, related_name="+", db_index=False, verbose_name=_("agent"))
    secret_hash = models.CharField(max_length=64, blank=True)
    ended_at = models.DateTimeField(_("ended"), null=True)
    version = models.PositiveIntegerField(default=0)

    class Meta(TenantModel.Meta):
        verbose_name = _("call-back")
        verbose_name_plural = _("call-backs")
        ordering = ("-asked_at", "-id")
        constraints = [
            models.UniqueConstraint(
                fields=["tenant", "entry_point", "calling_hash"],
                condition=Q(state__in=OPEN_CALL_BACK),
                name="one_open_call_back_per_customer",
            ),
            models.UniqueConstraint(fields=["secret_hash"], condition=~Q(secret_hash=""), name="call_back_secret_once"),
            models.CheckConstraint(
                condition=Q(state__in=OPEN_CALL_BACK, ended_at__isnull=True)
                | (~Q(state__in=OPEN_CALL_BACK) & Q(ended_at__isnull=False)),
                name="call_back_ends_with_time",
            ),
        ]
        indexes = [
            models.Index(fields=["tenant", "due_at"], condition=Q(state__in=OPEN_CALL_BACK), name="open_call_backs"),
            models.Index(fields=["tenant", "asked_at"], name="call_backs_by_asking"),
        ]

    def __str__(self) -> str:
        return str(self.id)


class CallBackParty(TenantModel):
    """Who is to be called, and why."""

    call_back = TenantForeignKey(CallBack, on_delete=models.CASCADE, related_name="+")
    number = models.CharField(_("number"), max_length=16)
    name = models.CharField(_("name"), max_length=120, blank=True)
    note = models.CharField(_("about"), max_length=500, blank=True)

    class Meta(TenantModel.Meta):
        verbose_name = _("call-back's party")
        verbose_name_plural = _("call-backs' parties")
        constraints = [models.UniqueConstraint(fields=["call_back"], name="one_party_per_call_back")]

    def __str__(self) -> str:
        return str(self.call_back_id)


class CallBackAttempt(TenantModel):
    """One attempt: a contact of its own, whose caller's leg is the customer's, dialled through `trunk`."""

    call_back = TenantForeignKey(CallBack, on_delete=models.CASCADE, related_name="tries")
    contact = TenantForeignKey(Contact, on_delete=models.CASCADE, related_name="+", db_index=False)
    trunk = models.CharField(max_length=64)
    ring_seconds = models.PositiveSmallIntegerField()
    began_at = models.DateTimeField(_("from"))
    dialled_at = models.DateTimeField(_("dialled"), null=True)
    answered_at = models.DateTimeField(_("answered"), null=True)
    ended_at = models.DateTimeField(_("to"), null=True)
    outcome = models.CharField(_("outcome"), max_length=16, choices=Outcome, blank=True)

    class Meta(TenantModel.Meta):
        verbose_name = _("attempt")
        verbose_name_plural = _("attempts")
        ordering = ("began_at", "id")
        constraints = [
            models.UniqueConstraint(fields=["contact"], name="one_attempt_per_contact"),
            models.UniqueConstraint(
                fields=["call_back"], condition=Q(ended_at__isnull=True), name="one_attempt_at_a_time"
            ),
        ]

    def __str__(self) -> str:
        return str(self.id)
