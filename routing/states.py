"""The states of contacts, offers and switch commands, as tables. `tenants.states.Transitions` applies them."""

from django.db import models
from django.utils.translation import gettext_lazy as _
from django.utils.translation import gettext_noop

from tenants.public import Transitions


class ContactState(models.TextChoices):
    ARRIVING = "arriving", _("arriving")
    IN_FLOW = "in_flow", _("in flow")
    QUEUED = "queued", _("queued")
    OFFERED = "offered", _("offered")
    CONNECTING = "connecting", _("connecting")
    ENGAGED = "engaged", _("talking")
    DIVERTED = "diverted", _("on a backup route")
    ENDED = "ended", _("ended")


class EndReason(models.TextChoices):
    """Why a contact ended. A closed list: reports count by it."""

    HANDLED = "handled", _("handled")
    ABANDONED = "abandoned", _("abandoned in the queue")
    SHORT_ABANDONED = "short_abandoned", _("abandoned at once")
    LEFT_FLOW = "left_flow", _("hung up before the queue")
    SELF_SERVED = "self_served", _("served by the flow")
    CALLBACK_TAKEN = "callback_taken", _("call-back taken")
    VOICEMAIL = "voicemail", _("voicemail left")
    OVERFLOWED = "overflowed", _("overflowed")
    HANDED_OVER = "handed_over", _("handed over")
    REJECTED = "rejected", _("rejected")
    NOT_REACHED = "not_reached", _("customer not reached")
    CALLED_OFF = "called_off", _("call-back called off")
    SWITCH_LOST = "switch_lost", _("lost with the switch")
    FAILED = "failed", _("failed")


CONTACT = Transitions(
    gettext_noop("contact"),
    {
        ContactState.ARRIVING: {
            ContactState.IN_FLOW,
            ContactState.QUEUED,
            ContactState.DIVERTED,
            ContactState.ENDED,
        },
        ContactState.IN_FLOW: {ContactState.QUEUED, ContactState.ENDED},
        ContactState.QUEUED: {
            ContactState.OFFERED,
            ContactState.IN_FLOW,
            ContactState.DIVERTED,
            ContactState.ENDED,
        },
        ContactState.OFFERED: {
            ContactState.CONNECTING,
            ContactState.QUEUED,
            ContactState.ENDED,
        },
        ContactState.CONNECTING: {
            ContactState.ENGAGED,
            ContactState.QUEUED,
            ContactState.ENDED,
        },
        ContactState.ENGAGED: {ContactState.QUEUED, ContactState.ENDED},
        ContactState.DIVERTED: {ContactState.ARRIVING, ContactState.QUEUED, ContactState.ENDED},
        ContactState.ENDED: set(),
    },
)


class OfferState(models.TextChoices):
    OFFERED = "offered", _("ringing")
    ACCEPTED = "accepted", _("accepted")
    CONNECTED = "connected", _("connected")
    REJECTED = "rejected", _("rejected")
    TIMED_OUT = "timed_out", _("not answered")
    RESCINDED = "rescinded", _("withdrawn")
    FAILED = "failed", _("failed")


OFFER = Transitions(
    gettext_noop("offer"),
    {
        OfferState.OFFERED: {
            OfferState.ACCEPTED,
            OfferState.REJECTED,
            OfferState.TIMED_OUT,
            OfferState.RESCINDED,
            OfferState.FAILED,
        },
        OfferState.ACCEPTED: {
            OfferState.CONNECTED,
            OfferState.TIMED_OUT,
            OfferState.RESCINDED,
            OfferState.FAILED,
        },
        OfferState.CONNECTED: set(),
        OfferState.REJECTED: set(),
        OfferState.TIMED_OUT: set(),
        OfferState.RESCINDED: set(),
        OfferState.FAILED: set(),
    },
)
"""ACCEPTED → TIMED_OUT: the desk said yes, but the phone that should answer by itself did not within the lease."""


class RejectReason(models.TextChoices):
    """Why an agent rejected an offer. A closed list: it goes into the event log, which holds nothing personal."""

    AGENT = "agent", _("rejected at the desk")
    BUSY = "busy", _("busy with something else")
    NOT_MINE = "not_mine", _("not the right person")
    TECHNICAL = "technical", _("technical trouble")


class TransferKind(models.TextChoices):
    """How an agent passed a contact on."""

    QUEUE = "queue", _("to a queue")
    RETURN = "return", _("back to the queue")
    ESCALATION = "escalation", _("to the next tier")
    AGENT = "agent", _("to an agent")
    SERVICE = "service", _("to another company")


class TransferReason(models.TextChoices):
    """Why an agent passed a contact on. A closed list: it goes into the event log, which holds nothing personal."""

    SKILL = "skill", _("needs somebody with other skills")
    AUTHORITY = "authority", _("needs somebody who may decide")
    LANGUAGE = "language", _("speaks another language")
    WRONG_PLACE = "wrong_place", _("came to the wrong place")
    WISH = "wish", _("asks for somebody")
    OTHER = "other", _("another reason")


class EndedBy(models.TextChoices):
    """Who ended a leg."""

    FAR_END = "far_end", _("the far end")
    HOTSEAT = "hotseat", "Hotseat"
    EXCHANGE = "exchange", _("lost with the exchange")


LIVE_OFFER = (OfferState.OFFERED, OfferState.ACCEPTED)


class CommandState(models.TextChoices):
    PENDING = "pending", _("pending")
    BEGUN = "begun", _("begun")
    DONE = "done", _("done")
    FAILED = "failed", _("failed")


COMMAND = Transitions(
    gettext_noop("switch command"),
    {
        CommandState.PENDING: {CommandState.BEGUN},
        CommandState.BEGUN: {
            CommandState.PENDING,
            CommandState.DONE,
            CommandState.FAILED,
        },
        CommandState.DONE: set(),
        CommandState.FAILED: set(),
    },
)
"""BEGUN → PENDING: the exchange could not be reached; the command is tried again, a dial only after a look-up."""


class SegmentKind(models.TextChoices):
    FLOW = "flow", _("flow")
    QUEUE = "queue", _("queue")
    RING = "ring", _("ringing")
    TALK = "talk", _("talking")
    HOLD = "hold", _("hold")
    CONSULT = "consult", _("consult")
    WRAP_UP = "wrap_up", _("wrap-up")
