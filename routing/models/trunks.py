"""The operator's ways out to the telephone network, and the numbers that nobody may dial. Rows of tenant zero."""

from django.core.validators import RegexValidator
from django.db import models
from django.utils.translation import gettext_lazy as _

from tenants.public import TenantModel

ENDPOINT = RegexValidator(
    r"^[A-Za-z0-9][A-Za-z0-9_.-]{0,63}\Z", _("Letters, digits, and . _ - inside, such as “trunk” or “carrier-2”.")
)
PREFIX = RegexValidator(r"^\+[1-9][0-9]{0,14}\Z", _("The beginning of a number in international form, such as +4490."))


class Trunk(TenantModel):
    """One way out: the endpoint `name` of the exchange `node`. The first active one in order is used."""

    class Shows(models.TextChoices):
        NUMBER = "number", _("the number that was called")
        CALLER = "caller", _("the caller's number, unless hidden")

    name = models.CharField(
        _("endpoint"), max_length=64, validators=[ENDPOINT], help_text=_("As it is called in the exchange.")
    )
    node = models.CharField(_("exchange"), max_length=64, default="node1")
    label = models.CharField(_("label"), max_length=80, blank=True)
    position = models.PositiveSmallIntegerField(_("place"), default=1)
    shows = models.CharField(_("shows"), max_length=6, choices=Shows, default=Shows.NUMBER)
    active = models.BooleanField(_("active"), default=True)

    class Meta(TenantModel.Meta):
        verbose_name = _("trunk")
        verbose_name_plural = _("trunks")
        ordering = ("node", "position", "name")
        constraints = [models.UniqueConstraint(fields=["tenant", "node", "name"], name="trunk_once")]

    def __str__(self) -> str:
        return self.label or self.name


class BarredPrefix(TenantModel):
    """Numbers that the platform never dials: those that begin with `prefix`."""

    class Why(models.TextChoices):
        PREMIUM = "premium", _("premium rate")
        EMERGENCY = "emergency", _("emergency number")
        FORBIDDEN = "forbidden", _("forbidden")

    prefix = models.CharField(_("prefix"), max_length=16, validators=[PREFIX])
    why = models.CharField(_("why"), max_length=9, choices=Why, default=Why.FORBIDDEN)
    note = models.CharField(_("note"), max_length=120, blank=True)

    class Meta(TenantModel.Meta):
        verbose_name = _("barred prefix")
        verbose_name_plural = _("barred prefixes")
        ordering = ("prefix",)
        constraints = [models.UniqueConstraint(fields=["tenant", "prefix"], name="barred_prefix_once")]

    def __str__(self) -> str:
        return self.prefix
