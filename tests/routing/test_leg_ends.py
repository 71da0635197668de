"""What the log says of each leg when it is over: which exchange, which SIP call, who ended it and why."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from routing.models import Contact
from routing.node.handling import handle
from routing.services.desk import end_contact
from routing.states import OfferState
from routing.switch.port import Cause, LegEnded, LegRinging
from tenants.public import Event, engine_scope
from tests.factories import make_session
from tests.routing import calls


def ends(contact: Contact) -> dict[str, dict[str, Any]]:
    """The data of the contact's legs' ends, by their side."""
    with engine_scope(read_only=True):
        rows = Event.objects.filter(tenant_id=contact.tenant_id, type="leg.ended", data__contact=str(contact.id))
        return {row.data["side"]: row.data for row in rows}


def told(data: dict[str, Any]) -> tuple[Any, ...]:
    return data["ended_by"], data["cause"], data["sip_status"]


def test_a_leg_is_told_with_its_node_and_its_times() -> None:
    line = calls.make_line()
    session = make_session(line.tenant, ready=True)
    contact = calls.call(line.number)
    offer = calls.talk(contact)

    calls.leg_ends(contact.caller_channel)
    calls.leg_ends(offer.leg_channel)

    found = ends(contact)
    assert (found["agent"]["offer"], found["agent"]["agent_session"]) == (str(offer.id), str(session.id))
    for data in found.values():
        assert (data["node"], data["created_at"][:4]) == (calls.NODE, str(datetime.now(UTC).year))
        assert data["answered_at"] <= data["bridged_at"]


def test_the_caller_hangs_up_and_we_end_the_agents_leg() -> None:
    line = calls.make_line()
    make_session(line.tenant, ready=True)
    contact = calls.call(line.number)
    offer = calls.talk(contact)

    calls.leg_ends(contact.caller_channel)
    calls.leg_ends(offer.leg_channel)

    assert {side: told(data) for side, data in ends(contact).items()} == {
        "caller": ("far_end", Cause.NORMAL_CLEARING, None),
        "agent": ("hotseat", Cause.NORMAL_CLEARING, None),
    }


def test_the_agent_hangs_up_and_we_end_the_callers_leg() -> None:
    line = calls.make_line()
    make_session(line.tenant, ready=True)
    contact = calls.call(line.number)
    offer = calls.talk(contact)

    calls.leg_ends(offer.leg_channel)
    calls.leg_ends(contact.caller_channel)

    assert {side: told(data)[0] for side, data in ends(contact).items()} == {"agent": "far_end", "caller": "hotseat"}


def test_the_agent_ends_the_contact_at_the_desk() -> None:
    line = calls.make_line()
    session = make_session(line.tenant, ready=True)
    contact = calls.call(line.number)
    offer = calls.talk(contact)

    end_contact(tenant_id=line.tenant.id, contact_id=contact.id, actor="agent:x", session_id=session.id)
    calls.leg_ends(contact.caller_channel)
    calls.leg_ends(offer.leg_channel)

    assert {side: told(data)[0] for side, data in ends(contact).items()} == {"agent": "hotseat", "caller": "hotseat"}


@pytest.mark.parametrize(
    ("cause", "sip_status", "by"),
    [
        (Cause.NO_ANSWER, None, "hotseat"),  # the ring time that we gave it was over
        (Cause.NO_ANSWER, 487, "hotseat"),
        (Cause.NO_ANSWER, 480, "far_end"),
        (Cause.USER_BUSY, 486, "far_end"),
    ],
)
def test_a_phone_that_rang_in_vain(cause: int, sip_status: int | None, by: str) -> None:
    line = calls.make_line()
    make_session(line.tenant, ready=True)
    contact = calls.call(line.number)
    offer = calls.offer_of(contact)
    handle(LegRinging(channel=offer.leg_channel, at=datetime.now(UTC)), node=calls.NODE)

    calls.leg_ends(offer.leg_channel, cause=cause, sip_status=sip_status)
    calls.leg_ends(offer.leg_channel, cause=cause, sip_status=sip_status)

    assert told(ends(contact)["agent"]) == (by, cause, sip_status)
    with engine_scope(read_only=True):
        assert Event.objects.filter(type="leg.ended", tenant_id=line.tenant.id).count() == 1


def test_the_call_id_is_told_on_arrival_and_at_the_end() -> None:
    line = calls.make_line()
    event = calls.arrived(line.number)
    handle(event.__class__(**{**_fields(event), "sip_call_id": "1-42@127.0.0.1"}), node=calls.NODE)
    with engine_scope(read_only=True):
        contact = Contact.objects.get(caller_channel=event.channel)
        arrived = Event.objects.get(aggregate_id=contact.id, type="contact.arrived").data

    handle(
        LegEnded(channel=event.channel, at=datetime.now(UTC), cause=16, sip_call_id="1-42@127.0.0.1"), node=calls.NODE
    )

    assert (arrived["sip_call_id"], arrived["node"]) == ("1-42@127.0.0.1", calls.NODE)
    assert ends(contact)["caller"]["sip_call_id"] == "1-42@127.0.0.1"


def _fields(event: Any) -> dict[str, Any]:
    return {name: getattr(event, name) for name in event.__dataclass_fields__}


def test_an_agent_who_answered_while_no_worker_listened_is_not_blamed_and_asked_again() -> None:
    line = calls.make_line()
    session = make_session(line.tenant, ready=True)
    contact = calls.call(line.number)
    first = calls.offer_of(contact)
    calls.leg_ends(first.leg_channel, cause=Cause.NORMAL_UNSPECIFIED)
    (failed, again) = calls.offers_of(contact)
    assert (failed.state, failed.cause) == (OfferState.FAILED, "unheard")
    assert (again.state, again.session_id) == (OfferState.OFFERED, session.id)
