"""The end of a leg, the one event that a leg has, into its record."""

from reporting.models import LegRecord
from reporting.projection.page import Logged, Page


def apply_to_leg(page: Page, event: Logged) -> None:
    """Write down a leg that is over."""
    data = event.data
    page.keep(
        LegRecord(
            id=event.aggregate_id,
            tenant_id=event.tenant_id,
            interaction_id=event.must("interaction"),
            contact_id=event.must("contact"),
            offer_id=event.ref("offer"),
            session_id=event.ref("agent_session"),
            is_test=event.is_test,
            side=data["side"],
            node=data["node"],
            sip_call_id=data["sip_call_id"],
            created_at=event.must_time("created_at"),
            ringing_at=event.time("ringing_at"),
            answered_at=event.time("answered_at"),
            bridged_at=event.time("bridged_at"),
            ended_at=event.occurred_at,
            ended_by=data["ended_by"],
            cause=data["cause"],
            sip_status=data["sip_status"],
        )
    )
