"""What an agent's desk shows, row by row."""

from __future__ import annotations

from typing import Any

from agents.public import AgentSession, Station, log_out, set_not_ready, set_ready
from routing.desk import HISTORY, desk_rows
from routing.models import ContactParty, Disposition
from routing.public import EntryPoint, SegmentKind, finish_wrap_up
from tenants.public import Tenant, tenant_scope
from tests import telephony
from tests.contact_rows import NOON, Stretch, join, make_contact
from tests.factories import (
    ACTOR,
    make_agent,
    make_customer,
    make_private_line,
    make_queue,
    make_reason,
    make_session,
    make_station,
    make_tenant,
    reread,
)
from tests.statements import statements_sent

ANI = "+447700900321"


class Desk:
    """A tenant with one line, and one agent who is ready."""

    def __init__(self, *, answer_mode: str = Station.AnswerMode.PHONE, wrap_up_seconds: int = 30) -> None:
        self.tenant: Tenant = make_tenant()
        queue = make_queue(self.tenant, name="Loans", wrap_up_seconds=wrap_up_seconds)
        self.line: EntryPoint = make_private_line(self.tenant, queue=queue)
        self.agent = make_agent(self.tenant, name="Bob Stone", skills={"english": 4, "loans": 2})
        self.station = make_station(self.tenant, answer_mode=answer_mode)
        self.session: AgentSession = make_session(self.tenant, agent=self.agent, station=self.station, ready=True)

    @property
    def number(self) -> str:
        assert self.line.number is not None
        return str(self.line.number.e164)

    def rows(self, kind: str = "") -> list[dict[str, Any]]:
        with tenant_scope(self.tenant.id, read_only=True):
            rows = desk_rows(self.session.id)
        return [row for row in rows if kind in ("", row["kind"])]

    def row(self, kind: str) -> dict[str, Any]:
        (row,) = self.rows(kind)
        return row


def test_the_session_says_who_what_and_where() -> None:
    desk = Desk()
    session = reread(desk.session)
    assert desk.row("session") == {
        "id": str(session.id),
        "kind": "session",
        "seq": session.version,
        "state": "ready",
        "reason_id": None,
        "reason": None,
        "next_state": "ready",
        "wrap_up_until": None,
        "since": session.state_since.isoformat(),
        "agent_number": desk.agent.number,
        "name": "Bob Stone",
        "station": "Main house",
        "extension": desk.station.extension,
        "phone_reachable": True,
        "skills": [{"name": "English", "proficiency": 4}, {"name": "Loans", "proficiency": 2}],
    }


def test_not_ready_has_its_reason() -> None:
    desk = Desk()
    reason = make_reason(desk.tenant, "Lunch")
    set_not_ready(tenant_id=desk.tenant.id, session_id=desk.session.id, reason_id=reason.id, actor=ACTOR)
    row = desk.row("session")
    assert (row["state"], row["reason_id"], row["reason"]) == ("not_ready", str(reason.id), "Lunch")


def test_an_offer_shows_the_customer_before_the_answer() -> None:
    desk = Desk()
    customer = make_customer(desk.tenant, name="王小明", phone=ANI, segment="gold")
    make_customer(make_tenant(), name="Somebody else's", phone=ANI)
    telephony.ring_in(desk.number, ani=ANI)
    (offer,) = telephony.live_offers(desk.tenant)
    with tenant_scope(desk.tenant.id):
        ContactParty.objects.update(digits={"menu": "2", "account": "4711", "none": ""})
    contact = telephony.contact_of(_channel(desk))
    assert desk.row("offer") == {
        "id": str(offer.id),
        "kind": "offer",
        "seq": contact.version,
        "contact_id": str(contact.id),
        "state": "offered",
        "queue": "Loans",
        "offered_at": offer.offered_at.isoformat(),
        "lease_expires_at": offer.lease_expires_at.isoformat(),
        "language": "en",
        "answer_mode": "phone",
        "customer": {"id": str(customer.id), "name": "王小明", "segment": "gold", "phone": ANI},
        "ani": ANI,
        "dnis": desk.number,
        "digits": "2, 4711",
        "transfers": [],
        "work": None,
    }
    assert desk.rows("contact") == []


def test_a_hidden_number_shows_neither_number_nor_customer_nor_history() -> None:
    desk = Desk()
    make_customer(desk.tenant, phone=ANI)
    telephony.hang_up(telephony.call_through(desk.number, desk.tenant, ani=ANI))
    finish(desk)
    telephony.call_through(desk.number, desk.tenant, ani=ANI, hidden=True)
    row = desk.rows("contact")[0]
    assert (row["ani"], row["customer"], row["history"]) == ("", None, [])
    assert row["dnis"] == desk.number


def test_a_contact_is_shown_while_it_is_talked_and_while_it_is_wrapped_up() -> None:
    desk = Desk()
    channel = telephony.call_through(desk.number, desk.tenant, ani=ANI)
    contact = telephony.contact_of(channel)
    talking = desk.row("contact")
    assert talking["state"] == "engaged"
    assert talking["connected_at"] == contact.connected_at.isoformat()  # type: ignore[union-attr]  # it is connected
    assert (talking["ended_at"], talking["hold"], talking["seq"]) == (None, False, contact.version)
    assert desk.rows("offer") == []

    telephony.hang_up(channel)

    wrapped = desk.row("contact")
    assert (wrapped["id"], wrapped["state"]) == (str(contact.id), "ended")
    assert wrapped["ended_at"] == telephony.contact_of(channel).ended_at.isoformat()  # type: ignore[union-attr]  # it has ended
    session = desk.row("session")
    assert (session["state"], session["next_state"]) == ("wrap_up", "ready")
    assert session["wrap_up_until"] == reread(desk.session).wrap_up_until.isoformat()  # type: ignore[union-attr]  # it wraps up


def test_what_follows_a_contact_is_what_the_agent_asked_for() -> None:
    desk = Desk()
    reason = make_reason(desk.tenant)
    channel = telephony.call_through(desk.number, desk.tenant)
    set_not_ready(tenant_id=desk.tenant.id, session_id=desk.session.id, reason_id=reason.id, actor=ACTOR)
    assert desk.row("session")["next_state"] == "not_ready"
    telephony.hang_up(channel)
    assert desk.row("session")["next_state"] == "not_ready"
    set_ready(tenant_id=desk.tenant.id, session_id=desk.session.id, actor=ACTOR)
    assert desk.row("session")["next_state"] == "ready"


def test_a_held_contact_says_so() -> None:
    desk = Desk()
    contact = make_contact(
        desk.tenant, state="engaged", queued=0, answered=5, stretches=[Stretch(SegmentKind.HOLD, 9, None, desk.session)]
    )
    join(contact, desk.session, at=NOON)
    assert desk.row("contact")["hold"] is True


def test_earlier_contacts_of_the_caller_come_newest_first_with_queue_agent_and_result() -> None:
    desk = Desk()
    with tenant_scope(desk.tenant.id):
        solved = Disposition.objects.create(name="Solved")
    for _ in range(HISTORY + 1):
        telephony.hang_up(telephony.call_through(desk.number, desk.tenant, ani=ANI))
        finish(desk, solved)
    telephony.hang_up(telephony.call_through(desk.number, desk.tenant, ani="+447700900999"))
    finish(desk)
    stranger = Desk()
    telephony.hang_up(telephony.call_through(stranger.number, stranger.tenant, ani=ANI))

    telephony.call_through(desk.number, desk.tenant, ani=ANI)

    history = desk.rows("contact")[0]["history"]
    assert len(history) == HISTORY
    assert {(entry["queue"], entry["agent"], entry["disposition"]) for entry in history} == {
        ("Loans", "Bob Stone", "Solved")
    }
    assert [entry["at"] for entry in history] == sorted((entry["at"] for entry in history), reverse=True)


def test_choices_leave_out_what_is_not_to_be_chosen() -> None:
    desk = Desk()
    lunch = make_reason(desk.tenant, "Lunch")
    make_reason(desk.tenant, "Old", active=False)
    with tenant_scope(desk.tenant.id):
        solved = Disposition.objects.create(name="Solved")
        Disposition.objects.create(name="Old", active=False)
    assert desk.rows("reason") == [{"id": str(lunch.id), "kind": "reason", "seq": 0, "name": "Lunch"}]
    assert desk.rows("disposition") == [{"id": str(solved.id), "kind": "disposition", "seq": 0, "name": "Solved"}]


def test_a_session_that_is_over_shows_nothing() -> None:
    desk = Desk()
    log_out(tenant_id=desk.tenant.id, session_id=desk.session.id, actor=ACTOR)
    assert desk.rows() == []


def test_the_number_of_statements_does_not_grow() -> None:
    desk = Desk()

    def statements() -> int:
        with statements_sent() as captured:
            desk.rows()
        return len(captured)

    make_customer(desk.tenant, phone=ANI)
    telephony.hang_up(telephony.call_through(desk.number, desk.tenant, ani=ANI))
    with_one = statements()
    finish(desk)
    for _ in range(4):
        telephony.hang_up(telephony.call_through(desk.number, desk.tenant, ani=ANI))
        finish(desk)
    telephony.call_through(desk.number, desk.tenant, ani=ANI)
    for name in "abc":
        make_reason(desk.tenant, name)
    assert len(desk.rows("contact")) == 5
    assert statements() == with_one <= 14


def finish(desk: Desk, disposition: Disposition | None = None) -> None:
    finish_wrap_up(
        tenant_id=desk.tenant.id,
        session_id=desk.session.id,
        disposition_id=disposition.id if disposition else None,
        note="",
        actor=ACTOR,
    )


def _channel(desk: Desk) -> str:
    (offer,) = telephony.live_offers(desk.tenant)
    with tenant_scope(desk.tenant.id, read_only=True):
        return str(offer.contact.caller_channel)
