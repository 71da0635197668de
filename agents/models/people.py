"""WHO serves (agents, teams), WHAT they can (skills), WHERE they may sit (sites, stations)."""

from django.core.validators import MaxValueValidator, MinValueValidator, RegexValidator
from django.db import models
from django.utils.translation import gettext_lazy as _

from agents.channels import check_capacity
from tenants.public import Customer, TenantForeignKey, TenantModel

CODE = RegexValidator(r"^[a-z0-9][a-z0-9_-]*$", _("Small letters, digits, hyphen and underscore only."))


class Site(TenantModel):
    """A place with seats."""

    name = models.CharField(_("name"), max_length=80)

    class Meta(TenantModel.Meta):
        verbose_name = _("site")
        verbose_name_plural = _("sites")
        constraints = [models.UniqueConstraint(fields=["tenant", "name"], name="site_name_once")]

    def __str__(self) -> str:
        return self.name


class Station(TenantModel):
    """A seat with a telephone, found by the workstation's IP address or chosen by its extension."""

    class AnswerMode(models.TextChoices):
        PHONE = "phone", _("the phone rings and is answered")
        DESK = "desk", _("the desk is asked first, then the phone answers by itself")

    site = TenantForeignKey(Site, verbose_name=_("site"))
    extension = models.CharField(_("extension"), max_length=10, validators=[RegexValidator(r"^[0-9]{2,10}$")])
    ip_address = models.GenericIPAddressField(_("workstation's IP address"), null=True, blank=True)
    endpoint = models.CharField(
        _("SIP endpoint"),
        max_length=64,
        unique=True,
        validators=[
            RegexValidator(
                r"^[A-Za-z0-9._-]+$",
                _("Letters, digits, dot, hyphen and underscore only."),
            )
        ],
    )
    answer_mode = models.CharField(_("answering"), max_length=8, choices=AnswerMode, default=AnswerMode.PHONE)
    reachable = models.BooleanField(_("phone registered"), default=False, editable=False)
    reachable_at = models.DateTimeField(_("registration last seen to change"), null=True, editable=False)

    class Meta(TenantModel.Meta):
        verbose_name = _("station")
        verbose_name_plural = _("stations")
        ordering = ("extension",)
        constraints = [
            models.UniqueConstraint(fields=["tenant", "extension"], name="station_extension_once"),
            models.UniqueConstraint(fields=["tenant", "ip_address"], name="station_ip_once"),
        ]

    def __str__(self) -> str:
        return self.extension


class Team(TenantModel):
    """Agents who are looked after together."""

    name = models.CharField(_("name"), max_length=80)

    class Meta(TenantModel.Meta):
        verbose_name = _("team")
        verbose_name_plural = _("teams")
        constraints = [models.UniqueConstraint(fields=["tenant", "name"], name="team_name_once")]

    def __str__(self) -> str:
        return self.name


class Skill(TenantModel):
    """Something agents can do better or worse: a language, a product, a task."""

    code = models.CharField(_("code"), max_length=40, validators=[CODE])
    name = models.CharField(_("name"), max_length=80)

    class Meta(TenantModel.Meta):
        verbose_name = _("skill")
        verbose_name_plural = _("skills")
        ordering = ("name",)
        constraints = [models.UniqueConstraint(fields=["tenant", "code"], name="skill_code_once")]

    def __str__(self) -> str:
        return self.name


class Agent(TenantModel):
    """A person who serves one tenant's customers, known there by an agent number."""

    user = models.OneToOneField("tenants.User", on_delete=models.PROTECT, verbose_name=_("person"))
    number = models.CharField(
        _("agent number"),
        max_length=16,
        validators=[RegexValidator(r"^[0-9A-Za-z]{1,16}$")],
    )
    team = TenantForeignKey(Team, null=True, blank=True, verbose_name=_("team"))
    active = models.BooleanField(_("active"), default=True)
    reserve = models.BooleanField(
        _("reserve"),
        default=False,
        db_default=False,
        help_text=_("Gets contacts only while the reserve is open."),
    )
    capacity = models.JSONField(
        _("at once"),
        default=dict,
        db_default=models.Value({}, models.JSONField()),
        blank=True,
        validators=[check_capacity],
        help_text=_("How many contacts of each channel at once; of a channel that is left out, as many as everybody."),
    )
    created_at = models.DateTimeField(_("created"), auto_now_add=True)

    class Meta(TenantModel.Meta):
        verbose_name = _("agent")
        verbose_name_plural = _("agents")
        ordering = ("number",)
        constraints = [models.UniqueConstraint(fields=["tenant", "number"], name="agent_number_once")]

    def __str__(self) -> str:
        return f"{self.number} {self.user.name}"


class AccountAgent(TenantModel):
    """The agent who looks after a customer: queues that want it let the customer wait for this agent first."""

    customer = TenantForeignKey(Customer, on_delete=models.CASCADE, related_name="+", verbose_name=_("customer"))
    agent = TenantForeignKey(Agent, related_name="+", verbose_name=_("agent"))

    class Meta(TenantModel.Meta):
        verbose_name = _("account agent")
        verbose_name_plural = _("account agents")
        constraints = [models.UniqueConstraint(fields=["tenant", "customer"], name="account_agent_once")]

    def __str__(self) -> str:
        return f"{self.customer}: {self.agent}"


class AgentSkill(TenantModel):
    """How well an agent can do something: 1 (a beginner) to 5 (an expert)."""

    agent = TenantForeignKey(Agent, on_delete=models.CASCADE, related_name="skills", verbose_name=_("agent"))
    skill = TenantForeignKey(Skill, verbose_name=_("skill"))
    proficiency = models.PositiveSmallIntegerField(
        _("proficiency"),
        default=3,
        validators=[MinValueValidator(1), MaxValueValidator(5)],
    )

    class Meta(TenantModel.Meta):
        verbose_name = _("agent's skill")
        verbose_name_plural = _("agents' skills")
        constraints = [
            models.UniqueConstraint(fields=["tenant", "agent", "skill"], name="agent_skill_once"),
            models.CheckConstraint(condition=models.Q(proficiency__range=(1, 5)), name="proficiency_1_to_5"),
        ]

    def __str__(self) -> str:
        return f"{self.skill} {self.proficiency}"


class NotReadyReason(TenantModel):
    """Why an agent takes no contacts just now. Those with a `system_code` are given by the system itself."""

    class System(models.TextChoices):
        MISSED = "missed", _("missed an offer")
        UNREACHABLE = "unreachable", _("phone unreachable")
        AWAY = "away", _("desk disconnected")
        FORCED = "forced", _("set by a supervisor")
        LOGGED_IN = "logged_in", _("just logged in")

    name = models.CharField(_("name"), max_length=80)
    system_code = models.CharField(
        _("set by the system when"), max_length=16, choices=System, blank=True, editable=False
    )
    active = models.BooleanField(_("active"), default=True)

    class Meta(TenantModel.Meta):
        verbose_name = _("not-ready reason")
        verbose_name_plural = _("not-ready reasons")
        ordering = ("name",)
        constraints = [
            models.UniqueConstraint(fields=["tenant", "name"], name="reason_name_once"),
            models.UniqueConstraint(
                fields=["tenant", "system_code"],
                condition=~models.Q(system_code=""),
                name="reason_system_once",
            ),
        ]

    def __str__(self) -> str:
        return self.get_system_code_display() if self.system_code else self.name
