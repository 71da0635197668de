"""The states of a call-back, and what comes of each attempt to call."""

from django.db import models
from django.utils.translation import gettext_lazy as _
from django.utils.translation import gettext_noop

from tenants.public import Transitions


class CallBackState(models.TextChoices):
    SCHEDULED = "scheduled", _("scheduled")
    WAITING = "waiting", _("waiting for an agent")
    DIALLING = "dialling", _("calling the customer")
    REACHED = "reached", _("customer on the line")
    DONE = "done", _("done")
    UNREACHABLE = "unreachable", _("not reached")
    EXPIRED = "expired", _("expired")
    CANCELLED = "cancelled", _("cancelled")


CALL_BACK = Transitions(
    gettext_noop("call-back"),
    {
        CallBackState.SCHEDULED: {
            CallBackState.WAITING,
            CallBackState.DIALLING,
            CallBackState.UNREACHABLE,
            CallBackState.EXPIRED,
            CallBackState.CANCELLED,
        },
        CallBackState.WAITING: {
            CallBackState.DIALLING,
            CallBackState.SCHEDULED,
            CallBackState.EXPIRED,
            CallBackState.CANCELLED,
        },
        CallBackState.DIALLING: {
            CallBackState.REACHED,
            CallBackState.SCHEDULED,
            CallBackState.UNREACHABLE,
            CallBackState.EXPIRED,
            CallBackState.CANCELLED,
        },
        CallBackState.REACHED: {
            CallBackState.DONE,
            CallBackState.SCHEDULED,
            CallBackState.UNREACHABLE,
            CallBackState.EXPIRED,
        },
        CallBackState.DONE: {CallBackState.SCHEDULED, CallBackState.UNREACHABLE, CallBackState.EXPIRED},
        CallBackState.UNREACHABLE: set(),
        CallBackState.EXPIRED: set(),
        CallBackState.CANCELLED: set(),
    },
)
"""DONE → elsewhere: the agent says in wrap-up that it was a machine, or the wrong person, who answered."""

OPEN_CALL_BACK = (
    CallBackState.SCHEDULED,
    CallBackState.WAITING,
    CallBackState.DIALLING,
    CallBackState.REACHED,
)


class Outcome(models.TextChoices):
    """What came of one attempt. A closed list: reports count by it."""

    REACHED = "reached", _("reached")
    BUSY = "busy", _("busy")
    NO_ANSWER = "no_answer", _("no answer")
    REFUSED = "refused", _("refused")
    MACHINE = "machine", _("answering machine")
    WRONG_NUMBER = "wrong_number", _("wrong number")
    ABANDONED = "abandoned", _("hung up before an agent was there")
    AGENT_LEFT = "agent_left", _("the agent hung up before")
    INVALID = "invalid", _("must not be dialled")
    FAILED = "failed", _("failed")
    LOST = "lost", _("lost with the exchange")
    CANCELLED = "cancelled", _("cancelled")
    EXPIRED = "expired", _("expired")


HOPELESS = (Outcome.WRONG_NUMBER, Outcome.INVALID)
"""Outcomes after which there is nothing to be tried again."""

NOBODYS_FAULT = (Outcome.AGENT_LEFT, Outcome.LOST)
"""Outcomes after which the customer is called again at once: it was not they who could not be reached."""

SAID_BY_AGENT = (Outcome.REACHED, Outcome.MACHINE, Outcome.WRONG_NUMBER, Outcome.REFUSED)
"""Outcomes that only who has listened can tell."""
