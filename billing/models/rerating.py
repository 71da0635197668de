"""Pricing again what was rated by a wrong tariff."""

from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from tenants.public import TenantModel


class Rerating(TenantModel):
    """An order to price the minutes of some days again, by the rates as they are now; it becomes corrections.

    Carried out page by page: `after` is the last line that was looked at, so that whoever goes on after a crash begins
    there. `kept` counts lines that a person had corrected, which stay, `unpriced` those that have no price now.
    """

    first_day = models.DateField(_("from"))
    last_day = models.DateField(_("to"))
    reason = models.CharField(_("reason"), max_length=200)
    made_by = models.CharField(_("made by"), max_length=64)
    created_at = models.DateTimeField(_("created"), auto_now_add=True)
    finished_at = models.DateTimeField(_("finished"), null=True)
    after = models.UUIDField(null=True)
    lines = models.PositiveIntegerField(_("lines"), default=0)
    corrected = models.PositiveIntegerField(_("corrected"), default=0)
    kept = models.PositiveIntegerField(_("kept"), default=0)
    unpriced = models.PositiveIntegerField(_("without a price"), default=0)

    class Meta(TenantModel.Meta):
        verbose_name = _("re-rating")
        verbose_name_plural = _("re-ratings")
        ordering = ("-id",)
        constraints = [
            models.CheckConstraint(condition=Q(last_day__gte=F("first_day")), name="rerating_forward"),
            models.CheckConstraint(condition=~Q(reason="") & ~Q(made_by=""), name="rerating_says_why_and_who"),
        ]
        indexes = [models.Index(fields=["tenant"], condition=Q(finished_at__isnull=True), name="open_reratings")]

    def __str__(self) -> str:
        return f"{self.first_day} – {self.last_day}"
