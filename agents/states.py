"""The states of an agent session, and the one function that applies a transition."""

from django.db import models
from django.utils.translation import gettext_lazy as _
from django.utils.translation import gettext_noop

from tenants.public import Transitions


class SessionState(models.TextChoices):
    """Busy is not here: it follows from the slots."""

    READY = "ready", _("ready")
    NOT_READY = "not_ready", _("not ready")
    WRAP_UP = "wrap_up", _("wrap-up")
    LOGGED_OUT = "logged_out", _("logged out")


SESSION = Transitions(
    gettext_noop("agent session"),
    {
        SessionState.NOT_READY: {
            SessionState.READY,
            SessionState.NOT_READY,
            SessionState.WRAP_UP,
            SessionState.LOGGED_OUT,
        },
        SessionState.READY: {
            SessionState.NOT_READY,
            SessionState.WRAP_UP,
            SessionState.LOGGED_OUT,
        },
        SessionState.WRAP_UP: {
            SessionState.READY,
            SessionState.NOT_READY,
            SessionState.LOGGED_OUT,
        },
        SessionState.LOGGED_OUT: set(),
    },
)
"""NOT_READY → WRAP_UP happens when the agent asked for a pause during a contact; → NOT_READY changes the reason."""
