"""Why something cannot be billed, or leased."""

from django.db import models
from django.utils.translation import gettext_lazy as _

from tenants.public import Conflict


class UnratedReason(models.TextChoices):
    """Why an ended contact has no usage line. It is tried again by itself, and gets one when the cause is gone."""

    WAITING = "waiting", _("It is about to be rated.")
    NOT_METERED = "not-metered", _("The exchange has not reported its time on the line.")
    NO_RATE_TABLE = "no-rate-table", _("No rate table of its direction is in force on its day.")
    NO_RATE = "no-rate", _("The rate table has no prefix for its number, and no default.")


class Unratable(Conflict):
    """The contact cannot be rated now. `code` is an `UnratedReason`, or "contact-not-ended"."""

    code = "unratable"
