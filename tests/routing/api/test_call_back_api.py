"""Call-backs over HTTP: asked for, read, moved, cancelled; by whom and by whom not; each service's rule."""

from __future__ import annotations

from typing import Any

import pytest

from routing.states import ContactState
from tenants.public import Role
from tests import factories
from tests.api import Api, assert_problem, program
from tests.routing.backups import make_trunk
from tests.routing.call_backs import (
    CUSTOMER,
    asked,
    begun,
    call_backs_of,
    customer_answers,
    customer_ends,
    make_rule,
    now_of,
    service_of,
)
from tests.routing.calls import Line, agent_answers, bridged, make_line, offer_of
from tests.routing.calls import now_of as contact_now
from tests.statements import statements_sent

MONDAY = {"weekly": {"mon": [["09:00", "17:00"]]}}


def wish(line: Line, **fields: Any) -> dict[str, Any]:
    return {"entry_point": str(service_of(line).id), "number": "00 44 7700 900777", **fields}


def desk(line: Line, *, station: Any = None) -> tuple[Api, Any]:
    """An agent at the desk, and their session's id."""
    agent, browser = factories.make_agent(line.tenant), Api()
    station = station or factories.make_station(line.tenant)
    body = {"tenant": line.tenant.slug, "number": agent.number, "password": factories.PASSWORD}
    answer = browser.send("agent-session/", {**body, "extension": station.extension})
    assert answer.status_code == 201, answer.content
    return browser, answer.json()


def test_it_is_asked_for_read_moved_and_cancelled() -> None:
    line = make_line()
    make_rule(service_of(line), queue=line.queue)
    api = program(line.tenant, role=Role.SUPERVISOR)
    made = api.send("call-backs/", wish(line, name="Ann", about="a loan"))
    assert made.status_code == 201, made.content
    row = made.json()
    assert (row["number"], row["name"], row["about"], row["state"]) == (CUSTOMER, "Ann", "a loan", "scheduled")
    assert_problem(api.send("call-backs/", wish(line)), 409, "call-back-exists")
    assert api.send("call-backs/", wish(line)).json()["call_back"] == row["id"]
    window = {
        "opens_at": "2026-12-24T09:00:00+08:00",
        "closes_at": "2026-12-24T11:00:00+08:00",
        "zone": "Asia/Shanghai",
    }
    moved = api.change(f"call-backs/{row['id']}/", window).json()
    assert (moved["due_at"], moved["expires_at"]) == ("2026-12-24T01:00:00Z", "2026-12-24T03:00:00Z")
    (listed,) = api.read("call-backs/?open=true").json()["results"]
    assert listed["id"] == row["id"]
    assert api.send(f"call-backs/{row['id']}/cancel/").json()["state"] == "cancelled"
    assert_problem(api.send(f"call-backs/{row['id']}/cancel/"), 409, "call-back-over")
    assert api.read("call-backs/?open=true").json()["results"] == []


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        ({"number": "999"}, "number-emergency"),
        ({"number": "+4490912345678"}, "number-premium"),
        ({"number": "nobody"}, "number-malformed"),
        ({"zone": "Mars/Olympus"}, "zone-unknown"),
        ({"opens_at": "2026-12-24T11:00:00Z", "closes_at": "2026-12-24T10:00:00Z"}, "window-backwards"),
    ],
)
def test_what_cannot_be_is_refused_and_nothing_is_kept(fields: dict[str, Any], code: str) -> None:
    line = make_line()
    make_rule(service_of(line), queue=line.queue)
    api = program(line.tenant)
    assert_problem(api.send("call-backs/", wish(line, **fields)), 422, code)
    assert api.read("call-backs/").json()["results"] == []


def test_a_service_without_a_queue_for_it_says_so() -> None:
    line = make_line()
    assert_problem(program(line.tenant).send("call-backs/", wish(line)), 422, "no-queue")


def test_another_tenants_service_contact_and_agent_are_none() -> None:
    line, other = make_line(), make_line()
    make_rule(service_of(line), queue=line.queue)
    api = program(line.tenant)
    assert api.send("call-backs/", wish(other)).status_code == 422
    agent = factories.make_agent(other.tenant)
    assert api.send("call-backs/", wish(line, agent=str(agent.id))).status_code == 422
    assert api.read("call-backs/").json()["results"] == []


def test_an_agent_makes_one_at_the_desk_and_says_what_came_of_it() -> None:
    make_trunk()
    line = make_line(wrap_up_seconds=30)
    make_rule(service_of(line), queue=line.queue, spacing_seconds=600)
    browser, _session = desk(line)
    made = browser.send("call-backs/", wish(line))
    assert made.status_code == 201, made.content
    assert made.json()["source"] == "agent"
    assert browser.send("agent-session/ready/").status_code == 200
    call_back = _found(line)
    contact = begun(call_back)
    offer = offer_of(contact)
    agent_answers(offer)
    customer_answers(contact)
    bridged(contact, offer)
    body = {"contact": str(contact.id), "outcome": "machine"}
    assert_problem(browser.send("agent-session/call-back-outcome/", {**body, "outcome": "busy"}), 422, "invalid")
    assert browser.send("agent-session/call-back-outcome/", body).status_code == 204
    customer_ends(contact)
    assert (now_of(call_back).state, now_of(call_back).outcome) == ("scheduled", "machine")


def test_a_waiting_call_back_is_not_ended_as_a_call_is() -> None:
    make_trunk()
    line = make_line()
    contact = begun(asked(line))
    assert_problem(program(line.tenant).send(f"contacts/{contact.id}/end/"), 409, "is-call-back")
    assert contact_now(contact).state == ContactState.QUEUED


def test_a_rule_is_written_and_what_cannot_be_is_refused() -> None:
    line = make_line()
    api = program(line.tenant)
    body = {"entry_point": str(service_of(line).id), "queue": str(line.queue.id), "hours": MONDAY}
    made = api.send("call-back-rules/", body)
    assert made.status_code == 201, made.content
    rule = made.json()
    assert_problem(api.send("call-back-rules/", body), 409, "rule-exists")
    address = f"call-back-rules/{rule['id']}/"
    assert_problem(api.change(address, {"hours": {"weekly": {"mon": [["17:00", "09:00"]]}}}), 422, "hours-invalid")
    assert api.change(address, {"spacing_seconds": 5}).status_code == 422
    assert api.change(address, {"spacing_seconds": 60}).json()["spacing_seconds"] == 60
    supervisor = program(line.tenant, role=Role.SUPERVISOR)
    assert_problem(supervisor.change(address, {"spacing_seconds": 90}), 403, "missing-right")
    assert api.remove(address).status_code == 204


def test_a_list_takes_as_many_statements_however_long_it_is() -> None:
    line = make_line()
    api = program(line.tenant)
    counts = []
    for size in (1, 4):
        while len(api.read("call-backs/").json()["results"]) < size:
            asked(line, f"+4477009{factories.unique():05d}")
        with statements_sent() as sent:
            api.read("call-backs/")
        counts.append(len(sent))
    assert counts[0] == counts[1]


def _found(line: Line) -> Any:
    return call_backs_of(line.tenant)[-1]
