"""The words that the live board's script puts together."""

from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import pgettext


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
