"""Backup routes of numbers: what may take a number's calls, when it does, and which calls it took.

None of these tables holds a telephone number but `BackupRoute` and `OutboundParty`, which the engine cannot read.
"""

from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from routing.backup_states import LIVE_ACTIVATION, ActivationState, BackupStep, DiversionState
from routing.models.contacts import Contact
from routing.models.ways import Queue
from tenants.public import Number, TenantForeignKey, TenantModel


class BackupPlan(TenantModel):
    """What stands in for a number, and by which rules. The plan is in force while it has a live activation.

    `trouble` is what its rule watches and last found wrong, `trouble_since` when that last changed (either way).
    """

    class Trouble(models.TextChoices):
        NODE = "node", _("the exchange is dead")
        QUEUE = "queue", _("nobody is logged in for the queue")

    number = TenantForeignKey(Number, verbose_name=_("number"))
    node = models.CharField(
        _("exchange"),
        max_length=64,
        blank=True,
        help_text=_("Activated when this exchange has been dead for so long. Empty: not watched."),
    )
    queue = TenantForeignKey(
        Queue,
        null=True,
        blank=True,
        related_name="+",
        verbose_name=_("queue"),
        help_text=_("Activated when nobody who could serve this queue has been logged in for so long."),
    )
    after_seconds = models.PositiveSmallIntegerField(
        _("activate after (s)"), default=30, validators=[MinValueValidator(1), MaxValueValidator(3600)]
    )
    returns = models.BooleanField(
        _("fails back by itself"),
        default=False,
        help_text=_("Ends what a rule began once the trouble has been over for so long."),
    )
    return_seconds = models.PositiveSmallIntegerField(
        _("fail back after (s)"), default=120, validators=[MinValueValidator(1), MaxValueValidator(3600)]
    )
    trouble = models.CharField(max_length=5, choices=Trouble, blank=True, editable=False)
    trouble_since = models.DateTimeField(null=True, editable=False)

    class Meta(TenantModel.Meta):
        verbose_name = _("backup plan")
        verbose_name_plural = _("backup plans")
        constraints = [models.UniqueConstraint(fields=["tenant", "number"], name="one_backup_plan_per_number")]

    def __str__(self) -> str:
        return str(self.number_id)

    @property
    def is_watched(self) -> bool:
        """Whether a rule may activate it."""
        return bool(self.node or self.queue_id)


class BackupRoute(TenantModel):
    """One way for a number's calls, tried in the order of `position`. `destination` is a telephone number: personal.

    `announcement` has a text for each language (as in flows). `takes_waiting`: callers who wait already come here too.
    """

    class Kind(models.TextChoices):
        QUEUE = "queue", _("another queue")
        DIAL = "dial", _("a telephone number")
        ANNOUNCE = "announce", _("an announcement, then the end")

    plan = TenantForeignKey(BackupPlan, on_delete=models.CASCADE, related_name="routes", verbose_name=_("plan"))
    position = models.PositiveSmallIntegerField(_("place"))
    kind = models.CharField(_("kind"), max_length=8, choices=Kind)
    queue = TenantForeignKey(Queue, null=True, blank=True, related_name="+", verbose_name=_("queue"))
    destination = models.CharField(_("number dialled"), max_length=16, blank=True)
    ring_seconds = models.PositiveSmallIntegerField(
        _("ring time (s)"), default=25, validators=[MinValueValidator(3), MaxValueValidator(120)]
    )
    announcement = models.JSONField(_("announcement"), default=dict, blank=True)
    takes_waiting = models.BooleanField(_("takes callers who wait already"), default=False)

    class Meta(TenantModel.Meta):
        verbose_name = _("backup route")
        verbose_name_plural = _("backup routes")
        ordering = ("position",)
        constraints = [
            models.UniqueConstraint(fields=["tenant", "plan", "position"], name="backup_route_place_once"),
            models.CheckConstraint(
                condition=Q(kind="queue", queue__isnull=False, destination="")
                | (Q(kind="dial", queue__isnull=True) & ~Q(destination=""))
                | Q(kind="announce", queue__isnull=True, destination=""),
                name="backup_route_of_one_kind",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.position}. {self.get_kind_display()}"


class BackupActivation(TenantModel):
    """One time that a plan was in force. A plan without a live one is inactive.

    `steps` are the steps done, each with its moment (ISO 8601, UTC). `refused` are the routes that the check left out,
    by id, and why; a failed activation has the reason there too. `moved` counts the waiting callers that were moved.
    """

    class Cause(models.TextChoices):
        HAND = "hand", _("by hand")
        NODE = "node", _("the exchange is dead")
        QUEUE = "queue", _("nobody is logged in for the queue")

    plan = TenantForeignKey(BackupPlan, related_name="activations", verbose_name=_("plan"))
    cause = models.CharField(_("cause"), max_length=5, choices=Cause)
    state = models.CharField(_("state"), max_length=12, choices=ActivationState, default=ActivationState.ACTIVATING)
    step = models.CharField(_("step"), max_length=8, choices=BackupStep, blank=True)
    steps = models.JSONField(default=list)
    refused = models.JSONField(default=dict)
    moved = models.PositiveIntegerField(_("moved"), default=0)
    started_at = models.DateTimeField(_("from"))
    started_by = models.CharField(_("by"), max_length=64)
    active_at = models.DateTimeField(_("active"), null=True)
    ended_at = models.DateTimeField(_("to"), null=True)
    ended_by = models.CharField(_("ended by"), max_length=64, blank=True)
    version = models.PositiveIntegerField(default=0)

    class Meta(TenantModel.Meta):
        verbose_name = _("activation")
        verbose_name_plural = _("activations")
        ordering = ("-started_at", "-id")
        constraints = [
            models.UniqueConstraint(
                fields=["plan"], condition=Q(state__in=LIVE_ACTIVATION), name="one_live_activation_per_plan"
            ),
            models.CheckConstraint(
                condition=Q(state__in=LIVE_ACTIVATION, ended_at__isnull=True)
                | (~Q(state__in=LIVE_ACTIVATION) & Q(ended_at__isnull=False)),
                name="activation_ends_with_time",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.plan_id} {self.started_at}"


class Diversion(TenantModel):
    """A contact that goes by its number's backup routes.

    `tried` are the ids of the routes that were tried, the last of them now. `waited`: it was taken out of a queue, and
    goes back there when no route takes it. `answered`: the caller was answered, or told to be.
    """

    contact = TenantForeignKey(Contact, on_delete=models.CASCADE, related_name="diversions")
    activation = TenantForeignKey(BackupActivation, related_name="diversions")
    state = models.CharField(max_length=10, choices=DiversionState, default=DiversionState.CHOOSING)
    tried = models.JSONField(default=list)
    waited = models.BooleanField(default=False)
    answered = models.BooleanField(default=False)
    outcome = models.CharField(max_length=16, blank=True)
    began_at = models.DateTimeField()
    version = models.PositiveIntegerField(default=0)

    class Meta(TenantModel.Meta):
        constraints = [
            models.UniqueConstraint(
                fields=["contact"], condition=~Q(state=DiversionState.OVER), name="one_live_diversion_per_contact"
            )
        ]

    def __str__(self) -> str:
        return str(self.contact_id)


class OutboundCall(TenantModel):
    """One leg that the platform dials to the outside for a contact, through a trunk. Its leg has the same id.

    Times are the switch's on the database's clock. `metered_ms` is from answer to end, 0 when nobody answered.
    """

    contact = TenantForeignKey(Contact, on_delete=models.CASCADE, related_name="outbound_calls")
    diversion = TenantForeignKey(Diversion, on_delete=models.CASCADE, related_name="calls")
    route_id = models.UUIDField()
    trunk = models.CharField(max_length=64)
    is_test = models.BooleanField(default=False)
    began_at = models.DateTimeField()
    ringing_at = models.DateTimeField(null=True)
    answered_at = models.DateTimeField(null=True)
    bridged_at = models.DateTimeField(null=True)
    ended_at = models.DateTimeField(null=True)
    cause = models.PositiveSmallIntegerField(null=True)
    metered_ms = models.PositiveBigIntegerField(null=True)

    class Meta(TenantModel.Meta):
        verbose_name = _("outbound call")
        verbose_name_plural = _("outbound calls")
        constraints = [
            models.UniqueConstraint(
                fields=["diversion"], condition=Q(ended_at__isnull=True), name="one_open_call_per_diversion"
            ),
            models.CheckConstraint(
                condition=Q(ended_at__isnull=True, metered_ms__isnull=True)
                | Q(ended_at__isnull=False, metered_ms__isnull=False),
                name="outbound_call_ends_metered",
            ),
        ]
        indexes = [models.Index(fields=["trunk"], condition=Q(ended_at__isnull=True), name="open_outbound_calls")]

    def __str__(self) -> str:
        return str(self.id)


class OutboundParty(TenantModel):
    """Whom an outbound call was made to: personal, so the engine cannot read it."""

    call = TenantForeignKey(OutboundCall, on_delete=models.CASCADE, related_name="+")
    number = models.CharField(_("number dialled"), max_length=16)

    class Meta(TenantModel.Meta):
        constraints = [models.UniqueConstraint(fields=["call"], name="one_party_per_outbound_call")]

    def __str__(self) -> str:
        return str(self.call_id)
