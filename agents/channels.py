"""The channels on which agents serve customers: how many contacts of each at once, and which keeps which away."""

from collections.abc import Mapping
from typing import Any

from django.core.exceptions import ValidationError
from django.db import models
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy


class Channel(models.TextChoices):
    VOICE = "voice", gettext_lazy("telephone")
    WORK = "work", gettext_lazy("work items")


MOST = {Channel.VOICE: 1, Channel.WORK: 50}
"""An agent has one telephone."""


def usual_capacity() -> dict[str, int]:
    """Return how many contacts of each channel an agent has at once unless somebody has said otherwise."""
    return {"voice": 1, "work": 0}


def usual_rule() -> dict[str, list[str]]:
    """Return which channels are kept away by which, unless somebody has said otherwise: no work comes during a call."""
    return {"work": ["voice"]}


def check_capacity(capacity: Any) -> None:
    """Raise ValidationError unless it is a mapping of channels to how many contacts of each may be in hand at once."""
    if not isinstance(capacity, Mapping):
        raise ValidationError(_("Give a number for each channel."))
    _refuse_unknown(capacity)
    for channel, most in MOST.items():
        given = capacity.get(channel, 0)
        if type(given) is not int or not 0 <= given <= most:
            values = {"channel": channel.label, "given": given, "most": most}
            raise ValidationError(_("“%(channel)s”: %(given)s is not a number from 0 to %(most)d."), params=values)


def check_rule(rule: Any) -> None:
    """Raise ValidationError unless it is a mapping of channels to lists of other channels."""
    if not isinstance(rule, Mapping):
        raise ValidationError(_("Give a list of channels for each channel."))
    _refuse_unknown(rule)
    for channel, others in rule.items():
        if not isinstance(others, list):
            raise ValidationError(_("Give a list of channels for each channel."))
        _refuse_unknown(others)
        if channel in others:
            message = _("“%(channel)s” cannot keep itself away: that is what the number at once is for.")
            raise ValidationError(message, params={"channel": Channel(channel).label})


def _refuse_unknown(names: Any) -> None:
    unknown = sorted({str(name) for name in names} - set(Channel.values))
    if unknown:
        values = {"unknown": ", ".join(unknown), "known": ", ".join(Channel.values)}
        raise ValidationError(_("There is no channel %(unknown)s; there are: %(known)s."), params=values)
