"""The ways in: queues, flows, entry points; and what agents say of a contact afterwards."""

from datetime import timedelta

from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.utils.translation import gettext_lazy as _

from agents.public import CODE
from routing.customer_segments import check_segments
from tenants.public import Number, TenantForeignKey, TenantModel


class Queue(TenantModel):
    """Where contacts wait, and what they need from the agent who serves them.

    `requires` is a skill expression (`routing.expressions`); `steps` is what takes its place as a contact waits
    (`routing.steps`). `unserved` are the numbers of the steps, 0 for `requires`, that no agent of the tenant meets.
    """

    class Preference(models.TextChoices):
        LONGEST_IDLE = "longest_idle", _("the longest idle")
        MOST_PROFICIENT = "most_proficient", _("the most proficient")
        LEAST_OCCUPIED = "least_occupied", _("the least occupied")
        FEWEST_CONTACTS = "fewest_contacts", _("who has served the fewest contacts")
        ROUND_ROBIN = "round_robin", _("each in turn")

    code = models.CharField(_("code"), max_length=40, validators=[CODE])
    name = models.CharField(_("name"), max_length=80)
    requires = models.CharField(
        _("required skills"),
        max_length=500,
        default="",
        blank=True,
        help_text=_("Such as: french >= 3 & (loans | mortgages) & !trainee. Empty: everybody."),
    )
    steps = models.JSONField(
        _("routing steps"),
        default=list,
        blank=True,
        help_text=_("What is asked for instead of the required skills once a contact has waited."),
    )
    unserved = models.JSONField(default=list, editable=False)
    preference = models.CharField(_("prefers"), max_length=16, choices=Preference, default=Preference.LONGEST_IDLE)
    affinity_seconds = models.PositiveSmallIntegerField(
        _("wait for the last agent (s)"),
        default=0,
        db_default=0,
        validators=[MaxValueValidator(3600)],
        help_text=_("So long, callers whom an agent has served before wait for that agent alone. 0: not at all."),
    )
    affinity_days = models.PositiveSmallIntegerField(
        _("… if they served them within (days)"),
        default=30,
        db_default=30,
        validators=[MinValueValidator(1), MaxValueValidator(3650)],
    )
    account_seconds = models.PositiveSmallIntegerField(
        _("wait for the account agent (s)"),
        default=0,
        db_default=0,
        validators=[MaxValueValidator(3600)],
        help_text=_("So long, customers who have an account agent wait for that agent alone. 0: not at all."),
    )
    priority = models.SmallIntegerField(_("priority"), default=0)
    weight_seconds = models.PositiveIntegerField(
        _("head start (s)"),
        default=0,
        help_text=_("Contacts are ordered as if they had come this much earlier."),
    )
    ring_seconds = models.PositiveSmallIntegerField(
        _("ring time (s)"),
        default=20,
        validators=[MinValueValidator(3), MaxValueValidator(120)],
    )
    wrap_up_seconds = models.PositiveSmallIntegerField(
        _("wrap-up (s)"),
        default=30,
        validators=[MaxValueValidator(1800)],
        help_text=_("0: none."),
    )
    target_seconds = models.PositiveSmallIntegerField(_("service level within (s)"), default=15)
    target_percent = models.PositiveSmallIntegerField(
        _("service level target (%)"), default=80, validators=[MaxValueValidator(100)]
    )
    short_abandon_seconds = models.PositiveSmallIntegerField(_("short abandon (s)"), default=5)
    announce_seconds = models.PositiveSmallIntegerField(
        _("announce every (s)"),
        default=30,
        help_text=_("0: never. Heard only on answered calls."),
    )
    announce_position = models.BooleanField(
        _("announce the position"),
        default=True,
        db_default=True,
    )
    announce_wait = models.BooleanField(
        _("announce the estimated wait"),
        default=False,
        db_default=False,
        help_text=_("Where it is known."),
    )
    comfort = models.JSONField(
        _("comfort message"),
        default=dict,
        db_default=models.Value({}, models.JSONField()),
        blank=True,
        help_text=_("What callers who wait are told each time, by language."),
    )
    most_waiting = models.PositiveIntegerField(
        _("most who wait"),
        default=0,
        db_default=0,
        help_text=_("0: as many as come. Who comes to a full queue goes elsewhere."),
    )
    when_full = models.CharField(
        _("when full, to queue"),
        max_length=40,
        blank=True,
        default="",
        db_default="",
        help_text=_("The code of another queue; empty: the line is busy."),
    )
    escalates_to = models.CharField(
        _("next tier"),
        max_length=40,
        blank=True,
        default="",
        db_default="",
        help_text=_("The code of the queue to which agents escalate; empty: none."),
    )
    music_class = models.CharField(_("music"), max_length=40, default="default", validators=[CODE])
    active = models.BooleanField(_("active"), default=True)

    class Meta(TenantModel.Meta):
        verbose_name = _("queue")
        verbose_name_plural = _("queues")
        ordering = ("name",)
        constraints = [models.UniqueConstraint(fields=["tenant", "code"], name="queue_code_once")]

    def __str__(self) -> str:
        return self.name


class RoutingPolicy(TenantModel):
    """How all contacts of a tenant are ordered, whatever queue they wait in. Without one: by arrival, without ageing.

    Contacts go by priority, then by `order_at`: when they came to the queue, or when the service level wants them
    answered, less the head starts of the queue and of the customer's segment. A contact that has waited for
    `ageing_seconds` (0: never) goes before all that have not, and those that have go by when they came: so none is
    overtaken by one that came later than that and that the same agent could serve.

    `segments` has, by the name of a segment, `head_start_seconds` and `target_seconds`, which takes the place of the
    queue's; either may be missing.
    """

    class Order(models.TextChoices):
        ARRIVAL = "arrival", _("who came first")
        EARLIEST_DUE = "earliest_due", _("whose service level is due first")

    order = models.CharField(_("first is"), max_length=12, choices=Order, default=Order.ARRIVAL)
    ageing_seconds = models.PositiveIntegerField(
        _("nobody is overtaken after (s)"),
        default=0,
        validators=[MaxValueValidator(86_400)],
        help_text=_("Who has waited for so long goes first, before any priority. 0: never."),
    )

    segments = models.JSONField(
        _("customer segments"),
        default=dict,
        db_default=models.Value({}, models.JSONField()),
        blank=True,
        validators=[check_segments],
        help_text=_("What customers of a segment get, by its name: a head start, a service level of their own."),
    )

    class Meta(TenantModel.Meta):
        verbose_name = _("routing policy")
        verbose_name_plural = _("routing policies")
        constraints = [models.UniqueConstraint(fields=["tenant"], name="one_routing_policy_per_tenant")]

    def __str__(self) -> str:
        return str(self.get_order_display())

    def shift_of(self, queue: Queue, segment: str) -> timedelta:
        """Return how much later than it came a contact of the queue, of a customer of the segment ("": none), is
        ordered; before it came, if negative.
        """
        own = self.segments.get(segment, {})
        target = own.get("target_seconds", queue.target_seconds)
        due = target if self.order == self.Order.EARLIEST_DUE else 0
        return timedelta(seconds=due - queue.weight_seconds - own.get("head_start_seconds", 0))


class Flow(TenantModel):
    """A named entry flow; `published` is the version that new contacts follow."""

    code = models.CharField(_("code"), max_length=40, validators=[CODE])
    name = models.CharField(_("name"), max_length=80)
    published = TenantForeignKey(
        "routing.FlowVersion",
        null=True,
        blank=True,
        editable=False,
        related_name="+",
        verbose_name=_("published"),
    )

    class Meta(TenantModel.Meta):
        verbose_name = _("flow")
        verbose_name_plural = _("flows")
        ordering = ("name",)
        constraints = [models.UniqueConstraint(fields=["tenant", "code"], name="flow_code_once")]

    def __str__(self) -> str:
        return self.name


class FlowVersion(TenantModel):
    """One validated state of a flow's definition. Never changed: a contact finishes the version it began."""

    flow = TenantForeignKey(Flow, on_delete=models.CASCADE, related_name="versions", verbose_name=_("flow"))
    number = models.PositiveIntegerField(_("version"))
    definition = models.JSONField(_("definition"))
    created_at = models.DateTimeField(_("created"), auto_now_add=True)
    created_by = models.CharField(_("by"), max_length=64)

    class Meta(TenantModel.Meta):
        verbose_name = _("flow version")
        verbose_name_plural = _("flow versions")
        constraints = [models.UniqueConstraint(fields=["tenant", "flow", "number"], name="flow_version_once")]

    def __str__(self) -> str:
        return f"v{self.number}"


class EntryPoint(TenantModel):
    """A service that callers can reach: by its number, or handed over from another tenant's flow by its code."""

    code = models.CharField(_("code"), max_length=40, validators=[CODE])
    name = models.CharField(_("name"), max_length=80)
    number = TenantForeignKey(Number, null=True, blank=True, verbose_name=_("number"))
    flow = TenantForeignKey(Flow, verbose_name=_("flow"))
    public = models.BooleanField(
        _("public"),
        default=False,
        help_text=_("The provider's public number may hand callers over to it."),
    )
    language = models.CharField(
        _("language"),
        max_length=10,
        default="en",
        choices=[("en", "English"), ("zh-hans", "简体中文")],
    )
    is_test = models.BooleanField(_("test"), default=False, help_text=_("Its contacts are marked as tests."))
    # While its number's backup plan is in force: the activation. Here, and not looked up, for the sake of every call.
    backup = TenantForeignKey("routing.BackupActivation", null=True, editable=False, related_name="+")

    class Meta(TenantModel.Meta):
        verbose_name = _("entry point")
        verbose_name_plural = _("entry points")
        ordering = ("name",)
        constraints = [
            models.UniqueConstraint(fields=["tenant", "code"], name="entry_point_code_once"),
            models.UniqueConstraint(fields=["tenant", "number"], name="entry_point_number_once"),
        ]

    def __str__(self) -> str:
        return self.name


class Disposition(TenantModel):
    """What an agent says came of a contact."""

    name = models.CharField(_("name"), max_length=80)
    active = models.BooleanField(_("active"), default=True)

    class Meta(TenantModel.Meta):
        verbose_name = _("disposition")
        verbose_name_plural = _("dispositions")
        ordering = ("name",)
        constraints = [models.UniqueConstraint(fields=["tenant", "name"], name="disposition_name_once")]

    def __str__(self) -> str:
        return self.name
