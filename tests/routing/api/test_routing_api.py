"""Queues, flows, entry points and contacts over the API, and the desk's calls on offers and contacts."""

from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest

from agents.public import AgentSession, Station, begin_wrap_up, lock_sessions
from routing.matching import run_pool
from routing.models import Contact, ContactParty, Disposition, EntryPoint, Offer, SwitchCommand
from routing.services.arrive import arrive_call
from routing.services.flow import start_flow
from routing.switch.port import CallArrived, Presentation
from tenants.public import Role, Tenant, db_now, engine_scope, tenant_scope
from tests.api import Api, assert_problem, program
from tests.factories import (
    PASSWORD,
    make_agent,
    make_flow,
    make_number,
    make_private_line,
    make_queue,
    make_skill,
    make_station,
    make_tenant,
    queue_flow,
    unique,
)
from tests.statements import statements_sent


@pytest.fixture
def acme() -> Tenant:
    return make_tenant()


@pytest.fixture
def api(acme: Tenant) -> Api:
    return program(acme)


def arrive(tenant: Tenant, line: EntryPoint | None = None, *, ani: str = "+447700900123", hidden: bool = False) -> str:
    """Let a caller reach the queue behind a private line; return the contact's id."""
    line = line or make_private_line(tenant)
    with tenant_scope(tenant.id, read_only=True):
        dnis = EntryPoint.objects.select_related("number").get(id=line.id).number.e164
    with engine_scope(read_only=True):
        now = db_now()
    presentation = Presentation.RESTRICTED if hidden else Presentation.ALLOWED
    event = CallArrived(channel=f"c{unique()}", at=now, dnis=dnis, ani=ani, ani_presentation=presentation)
    arrival = arrive_call(node="node1", event=event)
    assert arrival is not None
    start_flow(tenant_id=tenant.id, contact_id=arrival.contact_id, node="node1")
    return str(arrival.contact_id)


def desk(tenant: Tenant, *, answer_mode: str = Station.AnswerMode.DESK) -> Api:
    """A browser in which a ready agent is logged in."""
    agent, station, browser = make_agent(tenant), make_station(tenant, answer_mode=answer_mode), Api()
    body = {"tenant": tenant.slug, "number": agent.number, "password": PASSWORD, "extension": station.extension}
    assert browser.send("agent-session/", body).status_code == 201
    assert browser.send("agent-session/ready/").json()["state"] == "ready"
    return browser


def offer_to(tenant: Tenant) -> str:
    """Let a caller be offered to the one ready agent; return the offer's id."""
    contact = arrive(tenant)
    run_pool(tenant.id)
    with tenant_scope(tenant.id, read_only=True):
        return str(Offer.objects.get(contact_id=contact).id)


def commands(kind: str) -> int:
    with engine_scope(read_only=True):
        return SwitchCommand.objects.filter(kind=kind).count()


# --- Ways in ---------------------------------------------------------------------------------------------------------


def test_a_queue_is_made_and_changed(acme: Tenant, api: Api) -> None:
    make_skill(acme, "english")
    made = api.send("queues/", {"code": "sales", "name": "Sales", "requires": "english >= 3"})
    assert made.status_code == 201, made.content
    assert made.json()["requires"] == "english >= 3"
    path = f"queues/{made.json()['id']}/"
    assert api.change(path, {"requires": "", "ring_seconds": 15}).json()["ring_seconds"] == 15
    assert_problem(api.change(path, {"code": "other"}), 422, "invalid")
    assert_problem(api.send("queues/", {"code": "sales", "name": "Again"}), 409, "taken")
    assert api.remove(path).status_code == 204


@pytest.mark.parametrize(
    ("change", "pointer"),
    [
        ({"requires": "nothing >= 3"}, "/requires"),
        ({"requires": "english >= 9"}, "/requires"),
        ({"requires": "(english"}, "/requires"),
        ({"requires": {"english": 3}}, "/requires"),
        ({"steps": [{"after": 20, "requires": "nothing"}]}, "/steps/0/requires"),
        ({"steps": [{"after": 20, "requires": "english"}, {"after": 20, "requires": ""}]}, "/steps/1/after"),
        ({"steps": [{"after": 20, "queue": "nowhere"}]}, "/steps/0/queue"),
        ({"steps": [{"after": 20, "queue": "sales"}]}, "/steps/0/queue"),
        ({"steps": [{"after": "soon", "requires": ""}]}, "/steps/0/after"),
        ({"steps": [{"after": 20}]}, "/steps/0"),
        ({"steps": 3}, "/steps"),
        ({"code": "Not a code"}, "/code"),
        ({"ring_seconds": 1}, "/ring_seconds"),
        ({"target_percent": 101}, "/target_percent"),
    ],
)
def test_a_queue_with_a_fault_is_not_made(acme: Tenant, api: Api, change: dict[str, Any], pointer: str) -> None:
    make_skill(acme, "english")
    problem = assert_problem(api.send("queues/", {"code": "sales", "name": "Sales", **change}), 422, "invalid")
    assert [fault["pointer"] for fault in problem["errors"]] == [pointer]
    assert api.read("queues/").json()["results"] == []


def test_a_skill_of_another_tenant_is_unknown(api: Api) -> None:
    make_skill(make_tenant(), "secret")
    problem = assert_problem(api.send("queues/", {"code": "q", "name": "Q", "requires": "secret"}), 422, "invalid")
    assert problem["errors"][0]["pointer"] == "/requires"


def test_a_flow_is_published_in_versions(acme: Tenant, api: Api) -> None:
    definition = queue_flow(make_queue(acme, code="sales"))
    flow = api.send("flows/", {"code": "main", "name": "Main"}).json()
    assert flow["published"] is None
    number = make_number(acme)
    entry = {"code": "line", "name": "Line", "number": str(number.id), "flow": flow["id"]}
    assert_problem(api.send("entry-points/", entry), 422, "invalid")
    first = api.send(f"flows/{flow['id']}/versions/", {"definition": definition})
    assert first.status_code == 201, first.content
    assert first.json()["number"] == 1
    assert api.send(f"flows/{flow['id']}/versions/", {"definition": definition}).json()["number"] == 2
    assert api.read(f"flows/{flow['id']}/").json()["published"] == 2
    assert [row["number"] for row in api.read(f"flows/{flow['id']}/versions/").json()["results"]] == [1, 2]
    assert api.send("entry-points/", entry).status_code == 201
    assert_problem(api.send("entry-points/", {**entry, "code": "line2"}), 409, "taken")


@pytest.mark.parametrize(
    ("definition", "pointer"),
    [
        (
            {"schema": 1, "start": "a", "nodes": {"a": {"type": "queue", "queue": "nowhere"}}},
            "/definition/nodes/a/queue",
        ),
        ({"schema": 1, "start": "b", "nodes": {"a": {"type": "hang_up"}}}, "/definition/start"),
        ("text", "/definition"),
    ],
)
def test_a_flow_that_leads_nowhere_is_not_published(api: Api, definition: Any, pointer: str) -> None:
    flow = api.send("flows/", {"code": "main", "name": "Main"}).json()
    problem = assert_problem(api.send(f"flows/{flow['id']}/versions/", {"definition": definition}), 422, "flow-invalid")
    assert pointer in [fault["pointer"] for fault in problem["errors"]]
    assert api.read(f"flows/{flow['id']}/").json()["published"] is None
    checked = api.send("flows/check/", {"definition": definition}).json()
    assert checked["valid"] is False


def test_a_valid_flow_is_told_so(acme: Tenant, api: Api) -> None:
    definition = queue_flow(make_queue(acme))
    assert api.send("flows/check/", {"definition": definition}).json()["valid"] is True


def test_dispositions_are_looked_after(api: Api) -> None:
    made = api.send("dispositions/", {"name": "Sold"}).json()
    assert api.change(f"dispositions/{made['id']}/", {"active": False}).json()["active"] is False
    assert_problem(api.send("dispositions/", {"name": "Sold"}), 409, "taken")


# --- Contacts --------------------------------------------------------------------------------------------------------


def test_contacts_are_listed_newest_first_and_found(acme: Tenant, api: Api) -> None:
    line = make_private_line(acme)
    first, second = arrive(acme, line), arrive(acme, line, ani="+447700900456", hidden=True)
    rows = api.read("contacts/").json()["results"]
    assert [row["id"] for row in rows] == [second, first]
    assert (rows[1]["ani"], rows[1]["state"], rows[0]["ani"]) == ("+447700900123", "queued", None)
    for query, found in (
        ("ani=%2B447700900123", [first]),
        ("ani=%2B447700900456", []),
        ("state=queued", [second, first]),
        ("state=ended&state=engaged", []),
        (f"queue={rows[0]['queue']}", [second, first]),
        (f"queue={uuid4()}", []),
        ("arrived_after=2020-01-01T00:00:00Z", [second, first]),
        ("arrived_before=2020-01-01T00:00:00Z", []),
    ):
        assert [row["id"] for row in api.read(f"contacts/?{query}").json()["results"]] == found, query
    assert_problem(api.read("contacts/?state=lost"), 422, "invalid")


def test_a_contact_is_shown_with_its_stretches(acme: Tenant, api: Api) -> None:
    shown = api.read(f"contacts/{arrive(acme)}/").json()
    assert [segment["kind"] for segment in shown["segments"]] == ["flow", "queue"]
    assert shown["offers"] == []


def test_the_list_of_contacts_takes_the_same_number_of_queries_however_long(acme: Tenant, api: Api) -> None:
    line = make_private_line(acme)
    counts = []
    for _round in range(2):
        for _call in range(3):
            arrive(acme, line)
        api.read("contacts/")
        with statements_sent() as queries:
            assert api.read("contacts/").status_code == 200
        counts.append(len(queries))
    assert counts[0] == counts[1]


def test_a_supervisor_ends_a_contact(acme: Tenant) -> None:
    contact, supervisor = arrive(acme), program(acme, role=Role.SUPERVISOR)
    assert supervisor.send(f"contacts/{contact}/end/").status_code == 204
    assert commands("hang_up") == 1


# --- The desk --------------------------------------------------------------------------------------------------------


def test_an_agent_accepts_at_the_desk(acme: Tenant) -> None:
    browser = desk(acme)
    offer = offer_to(acme)
    assert browser.send(f"offers/{offer}/accept/").status_code == 204
    with tenant_scope(acme.id, read_only=True):
        assert Offer.objects.get(id=offer).state == "accepted"
    assert_problem(browser.send(f"offers/{offer}/accept/"), 409, "offer-over")


def test_an_agent_rejects(acme: Tenant) -> None:
    browser = desk(acme)
    offer = offer_to(acme)
    assert browser.send(f"offers/{offer}/reject/", {"reason": "agent"}).status_code == 204
    with tenant_scope(acme.id, read_only=True):
        assert Offer.objects.get(id=offer).state == "rejected"


def test_another_agents_offer_and_contact_are_not_theirs(acme: Tenant) -> None:
    desk(acme)
    offer = offer_to(acme)
    stranger, foreigner = desk(acme), desk(make_tenant())
    with tenant_scope(acme.id, read_only=True):
        contact = Offer.objects.get(id=offer).contact_id
    for browser in (stranger, foreigner):
        assert browser.send(f"offers/{offer}/accept/").status_code == 404
        assert browser.send(f"offers/{offer}/reject/").status_code == 404
        assert browser.send(f"contacts/{contact}/end/").status_code == 404
    with tenant_scope(acme.id, read_only=True):
        assert Offer.objects.get(id=offer).state == "offered"
    assert commands("hang_up") == 0


def test_a_wrap_up_is_finished_with_disposition_and_note(acme: Tenant) -> None:
    browser = desk(acme)
    contact_id = arrive(acme)
    with tenant_scope(acme.id):
        sold = Disposition.objects.create(name="Sold")
        session = lock_sessions([AgentSession.objects.get().id]).popitem()[1]
        now = db_now()
        begin_wrap_up(session, contact_id=UUID(contact_id), until=now + timedelta(seconds=30), at=now)
    other = make_tenant()
    with tenant_scope(other.id):
        theirs = Disposition.objects.create(name="Theirs")
    path = "agent-session/wrap-up/finish/"
    assert_problem(browser.send(path, {"disposition": str(theirs.id), "note": "x"}), 422, "invalid")
    assert_problem(browser.send(path, {"note": "x" * 4001}), 422, "invalid")
    done = browser.send(path, {"disposition": str(sold.id), "note": "wants a loan"})
    assert done.json()["state"] == "ready"
    with tenant_scope(acme.id, read_only=True):
        assert Contact.objects.get().disposition_id == sold.id
        assert ContactParty.objects.get().note == "wants a loan"
    assert_problem(browser.send(path, {}), 409, "not-in-wrap-up")


def test_a_flow_of_another_tenant_cannot_be_put_on_a_number(acme: Tenant, api: Api) -> None:
    other = make_tenant()
    theirs, their_number = make_flow(other, queue_flow(make_queue(other))), make_number(other)
    mine = make_flow(acme, queue_flow(make_queue(acme)))
    body = {"code": "line", "name": "Line", "flow": str(theirs.id), "number": str(their_number.id)}
    problem = assert_problem(api.send("entry-points/", body), 422, "invalid")
    assert sorted(fault["pointer"] for fault in problem["errors"]) == ["/flow", "/number"]
    problem = assert_problem(api.send("entry-points/", {**body, "flow": str(mine.id)}), 422, "invalid")
    missing = assert_problem(
        api.send("entry-points/", {**body, "flow": str(mine.id), "number": str(uuid4())}), 422, "invalid"
    )
    assert problem["errors"][0]["message"].split(":")[0] == missing["errors"][0]["message"].split(":")[0]
