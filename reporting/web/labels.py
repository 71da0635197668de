"""The words of the board's script and of the pages of records."""

import datetime as dt
from collections.abc import Mapping
from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, pgettext


def board_labels() -> dict[str, Any]:
    """Return the board's words in the active language."""
    return {
        "agent_states": {
            "ready": pgettext("agent", "Ready"),
            "not_ready": pgettext("agent", "Not ready"),
            "ringing": pgettext("agent", "Ringing"),
            "talking": pgettext("agent", "Talking"),
            "wrap_up": pgettext("agent", "Wrap-up"),
            "logged_out": pgettext("agent", "Logged out"),
        },
        "contact_states": {
            "queued": pgettext("contact", "Queued"),
            "offered": pgettext("contact", "Ringing"),
            "connecting": pgettext("contact", "Connecting"),
            "engaged": pgettext("contact", "Talking"),
            "diverted": pgettext("contact", "On a backup route"),
        },
        "hidden_number": _("hidden"),
        "channels": {"voice": _("Telephone")},
        "tones": {
            "good": _("as promised"),
            "fair": _("longer than promised"),
            "bad": _("far longer than promised"),
            "none": _("nobody waits"),
        },
        # {variant} and {seconds} are filled in by the script.
        "service_level_rule": _("within {seconds} s, variant {variant}"),
        "service_level_rules": _("each queue's own limit, variant {variant}"),
    }


Q850 = {
    1: gettext_lazy("unallocated number"),
    16: gettext_lazy("normal clearing"),
    17: gettext_lazy("user busy"),
    18: gettext_lazy("no user responding"),
    19: gettext_lazy("no answer"),
    20: gettext_lazy("subscriber absent"),
    21: gettext_lazy("call rejected"),
    31: gettext_lazy("normal, unspecified"),
    38: gettext_lazy("network out of order"),
    41: gettext_lazy("temporary failure"),
    42: gettext_lazy("congestion"),
    127: gettext_lazy("interworking"),
}
"""Causes of hanging up that telephones give (ITU-T Q.850, table 1)."""


def cause_label(cause: int | None) -> str:
    """Return a cause of hanging up in words, or "" for one without."""
    return str(Q850.get(cause, "")) if cause is not None else ""


def decision_rows(decision: Mapping[str, Any], zone: dt.tzinfo) -> list[tuple[str, str]]:
    """Return why an offer went to its agent, in words: name and value of each figure that was kept.

    Moments are told on the clock of `zone`.
    """
    names = {
        "candidates": _("agents that fitted and were free"),
        "preference": _("chosen by"),
        "fit": _("fit"),
        "priority": _("priority"),
        "step": _("routing step"),
        "order_at": _("place in the order since"),
        "idle_since": _("agent idle since"),
        "offered_at": _("agent last asked at"),
        "contacts": _("contacts that the agent has served since the log-in"),
        "occupancy": _("share of the time since the log-in for which the agent was busy"),
    }
    told = {name: value for name in names if (value := decision.get(name)) is not None}
    for name in ("order_at", "idle_since", "offered_at"):
        if name in told:
            told[name] = dt.datetime.fromisoformat(told[name]).astimezone(zone).strftime("%H:%M:%S")
    if "occupancy" in told:
        told["occupancy"] = f"{told['occupancy']:.0%}"
    rows = [(names[name], str(value)) for name, value in told.items()]
    if "affinity" in decision:
        rows.append((_("waited for"), _("this agent alone")))
    excluded = len(decision.get("excluded", ()))
    return [*rows, (_("agents left out"), str(excluded))] if excluded else rows


def duration(seconds: float | None) -> str:
    """Return a duration as 0:05, 12:34 or 1:02:03; a dash for none."""
    if seconds is None:
        return "–"
    whole = max(0, round(seconds))
    hours, minutes, rest = whole // 3600, whole // 60 % 60, whole % 60
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"
