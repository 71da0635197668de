"""The words that the desk's script puts together."""

from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import pgettext


def desk_labels() -> dict[str, Any]:
    """Return the desk's words in the active language."""
    return {
        "states": {
            "ready": pgettext("agent", "Ready"),
            "not_ready": pgettext("agent", "Not ready"),
            "ringing": pgettext("agent", "Ringing"),
            "talking": pgettext("agent", "Talking"),
            "wrap_up": pgettext("agent", "Wrap-up"),
            "logged_out": pgettext("agent", "Logged out"),
        },
        "contact_states": {
            "connecting": pgettext("contact", "Connecting"),
            "engaged": pgettext("contact", "Talking"),
            "ended": pgettext("contact", "Ended"),
        },
        "on_hold": pgettext("contact", "On hold"),
        "languages": {"en": _("English"), "zh-hans": _("Simplified Chinese"), "zh": _("Chinese")},
        "incoming": _("Incoming call"),
        "unknown_caller": _("Unknown caller"),
        "hidden_number": _("hidden"),
        "no_disposition": _("no result noted"),
        # {agent} is filled in by the script.
        "agent_not_free": _("{agent} (not free)"),
        # {level} is filled in by the script.
        "proficiency": _("{level} of 5"),
        "unreachable": _("Hotseat cannot be reached"),
        "unreachable_detail": _("Nothing was changed. Your call goes on. Try again when the sign above says Live."),
    }
