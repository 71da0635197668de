"""Records as sheets, in the active language; times on the tenant's clock, durations in seconds."""

import datetime as dt
from collections.abc import Sequence
from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import pgettext

from reporting.models import HungUpBy
from reporting.records import ShownCall
from reporting.service import ServiceRecord
from routing.public import EndReason
from tenants.public import Cell, sheet


def calls_sheet(calls: Sequence[ShownCall], zone: dt.tzinfo) -> str:
    """Return call records as a sheet, one row each."""
    header = [
        _("Arrived"),
        _("Calling number"),
        _("Called number"),
        pgettext("customer", "Segment"),
        _("Queue"),
        _("Agents"),
        pgettext("of a call", "End"),
        _("Ended by"),
        _("Result"),
        _("Waited (s)"),
        _("Talked (s)"),
        _("On hold (s)"),
        _("Wrap-up (s)"),
        _("Metered (ms)"),
        _("Test"),
        _("Exchange"),
        _("SIP Call-ID"),
        _("Contact"),
    ]
    return sheet(header, (_call_row(call, zone) for call in calls))


def _call_row(call: ShownCall, zone: dt.tzinfo) -> list[Cell]:
    record = call.record
    return [
        local(record.arrived_at, zone),
        call.calling_number,
        call.called_number,
        record.segment,
        call.queue.name if call.queue else "",
        ", ".join(agent.name for agent in call.agents),
        str(EndReason(record.end_reason).label) if record.end_reason else "",
        str(HungUpBy(record.hung_up_by).label) if record.hung_up_by else "",
        call.disposition.name if call.disposition else "",
        call.wait_s,
        call.talk_s,
        call.hold_s,
        call.wrap_up_s,
        record.metered_ms,
        int(record.is_test),
        record.node,
        record.sip_call_id,
        str(record.id),
    ]


def service_sheet(agents: Sequence[ServiceRecord], zone: dt.tzinfo) -> str:
    """Return service records as a sheet: one row for each agent, a column for each not-ready reason."""
    reasons = sorted({reason for agent in agents for reason in agent.not_ready_s})
    header = [
        _("Agent number"),
        _("Name"),
        _("Team"),
        _("Came"),
        _("Left"),
        _("Logged in (s)"),
        _("Ready (s)"),
        _("Ringing (s)"),
        _("Talking (s)"),
        _("On hold (s)"),
        _("Wrap-up (s)"),
        _("Not ready (s)"),
        *(_("Not ready: %(reason)s (s)") % {"reason": reason} for reason in reasons),
        _("Offers"),
        _("Missed"),
        _("Answered"),
        _("Occupancy"),
    ]
    rows: list[list[Cell]] = [
        [
            agent.number,
            agent.name,
            agent.team,
            local(agent.first_login, zone),
            local(agent.last_logout, zone),
            agent.logged_in_s,
            agent.ready_s,
            agent.ringing_s,
            agent.talking_s,
            agent.hold_s,
            agent.wrap_up_s,
            agent.all_not_ready_s,
            *(agent.not_ready_s.get(reason, 0.0) for reason in reasons),
            agent.offered,
            agent.missed,
            agent.answered,
            agent.occupancy,
        ]
        for agent in agents
    ]
    return sheet(header, rows)


def local(moment: dt.datetime | None, zone: Any) -> str:
    """Return a moment on the tenant's clock, to the second."""
    return "" if moment is None else moment.astimezone(zone).strftime("%Y-%m-%d %H:%M:%S")
