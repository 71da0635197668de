"""Calls and live figures over the API."""

import datetime as dt

import pytest

from tenants.public import Role
from tests.api import assert_problem, program
from tests.contact_rows import NOON, make_call, make_contact
from tests.factories import make_agent, make_queue, make_session, make_team, make_tenant
from tests.statements import statements_sent


def test_calls_come_newest_first_with_their_segments() -> None:
    acme = make_tenant()
    queue, session = make_queue(acme, name="Loans"), make_session(acme)
    old = make_call(acme, queue, session, wait=10, talk=60, wrap_up=20, ani="+8675583660001")
    new = make_contact(acme, at=NOON + dt.timedelta(seconds=1), restricted=True, ani="+8675583660001")
    api = program(acme)

    results = api.read("calls/").json()["results"]

    assert [call["id"] for call in results] == [str(new.id), str(old.id)]
    assert results[0]["calling_number"] == ""
    call = results[1]
    assert (call["calling_number"], call["metered_ms"], call["wait_s"], call["talk_s"]) == (
        "+8675583660001",
        60_000,
        10.0,
        60.0,
    )
    assert [segment["kind"] for segment in call["segments"]] == ["flow", "queue", "ring", "talk", "wrap_up"]
    assert call["queue"] == {"id": str(queue.id), "name": "Loans"}
    assert call["agents"] == [{"id": str(session.agent_id), "name": "Bob"}]
    detail = api.read(f"calls/{old.id}/").json()
    assert [offer["agent"]["name"] for offer in detail.pop("offers")] == ["Bob"]
    assert detail.pop("legs") == []
    assert detail == call


def test_calls_are_filtered_and_paged() -> None:
    acme = make_tenant()
    loans, cards = make_queue(acme), make_queue(acme)
    bob = make_agent(acme)
    session, other = make_session(acme, agent=bob), make_session(acme)
    first = make_call(acme, loans, session)
    second = make_call(acme, cards, other, at=NOON + dt.timedelta(hours=1))
    api = program(acme)

    def found(query: str) -> list[str]:
        return [call["id"] for call in api.read(f"calls/?{query}").json()["results"]]

    assert found(f"queue={loans.id}") == [str(first.id)]
    assert found(f"agent={bob.id}") == [str(first.id)]
    assert found("state=queued") == []
    assert found("from=2026-03-10T13:00:00Z") == [str(second.id)]
    assert found("to=2026-03-10T13:00:00Z") == [str(first.id)]
    page = api.read("calls/?page_size=1").json()
    assert [call["id"] for call in page["results"]] == [str(second.id)]
    following = api.get(page["next"]).json()
    assert [call["id"] for call in following["results"]] == [str(first.id)]
    assert_problem(api.read("calls/?state=nowhere"), 422, "invalid")
    assert_problem(api.read("calls/?from=yesterday"), 422, "invalid")


def test_calls_take_a_fixed_number_of_statements() -> None:
    acme = make_tenant()
    queue, session = make_queue(acme), make_session(acme)
    api, counts = program(acme), []
    for _ in range(3):
        make_call(acme, queue, session)
        api.read("calls/")
        with statements_sent() as queries:
            assert api.read("calls/").status_code == 200
        counts.append(len(queries))

    assert counts[0] == counts[1] == counts[2]


def test_live_figures_by_queue_team_and_tenant() -> None:
    acme = make_tenant(time_zone="Asia/Shanghai")
    team = make_team(acme, "Loans")
    queue, session = make_queue(acme), make_session(acme, agent=make_agent(acme, team=team))
    now = dt.datetime.now(tz=dt.UTC)
    make_call(acme, queue, session, at=now, wait=10, talk=60, wrap_up=20)

    live = program(acme).read("live/").json()

    figures = {
        "waiting": 0,
        "oldest_waiting_at": None,
        "offered": 1,
        "answered": 1,
        "abandoned": 0,
        "short_abandoned": 0,
        "service_level": 1.0,
        "service_level_variant": "B",
        "service_level_seconds": 15,
        "short_abandon_seconds": 5,
        "asa_s": 10.0,
        "aht_s": 80.0,
    }
    assert live["date"] == now.astimezone(acme.zone).date().isoformat()
    assert live["total"] == figures
    assert live["queues"] == [{"id": str(queue.id), "name": queue.name, "unserved": False, "figures": figures}]
    assert live["agents"] == {"not_ready": 1}
    assert live["teams"] == [
        {
            "id": str(team.id),
            "name": "Loans",
            "agents": {"not_ready": 1},
            "offered": 1,
            "missed": 0,
            "answered": 1,
            "asa_s": 10.0,
            "handled": 1,
            "aht_s": 80.0,
        }
    ]


def test_another_tenants_calls_do_not_exist() -> None:
    acme, other = make_tenant(), make_tenant()
    queue = make_queue(other)
    contact = make_call(other, queue, make_session(other))
    api = program(acme)

    assert api.read("calls/").json()["results"] == []
    assert api.read(f"calls/?queue={queue.id}").json()["results"] == []
    assert_problem(api.read(f"calls/{contact.id}/"), 404, "not-found")
    assert api.read("live/").json()["queues"] == []


@pytest.mark.parametrize("path", ["calls/", "live/"])
def test_agents_do_not_see_the_centre(path: str) -> None:
    assert_problem(program(make_tenant(), role=Role.AGENT).read(path), 403, "missing-right")
