"""The pages of records and their sheets: what they show, to whom, and what they make of odd filters."""

from __future__ import annotations

import csv
import io
from uuid import uuid4

import pytest

from routing.switch.port import Cause
from tenants.public import CSP_TENANT_ID, Role, Tenant, tell_system, tenant_scope
from tests.api import signed_in
from tests.contact_rows import make_call, make_contact, write_down
from tests.factories import make_agent, make_queue, make_session, make_team, make_tenant
from tests.routing import calls

PAGES = ("/calls/", "/calls/calls.csv", "/service/", "/service/service.csv")


def page(tenant: Tenant, path: str, *, role: str = Role.SUPERVISOR, status: int = 200, language: str = "en") -> str:
    answer = signed_in(tenant, role=role).get(path, headers={"accept-language": language})
    assert answer.status_code == status, answer.content
    return answer.content.decode()


def rows_of(text: str) -> list[dict[str, str]]:
    assert text.startswith("\ufeff")
    return list(csv.DictReader(io.StringIO(text.removeprefix("\ufeff"))))


def test_the_list_shows_calls_and_finds_them() -> None:
    tenant = make_tenant(time_zone="Asia/Shanghai")
    loans, cards = make_queue(tenant, name="Loans"), make_queue(tenant, name="Cards")
    make_call(tenant, loans, make_session(tenant), ani="+8675583660001")
    make_contact(tenant, queue=cards, queued=0, ended=30, reason="abandoned", ani="+8675583660002", restricted=True)
    make_contact(tenant, is_test=True, ani="+8675583660003")

    everything = page(tenant, "/calls/")
    assert "+8675583660001" in everything
    assert "2026-03-10 20:00:00" in everything  # noon UTC on the tenant's clock
    assert "+8675583660002" not in everything
    assert "+8675583660003" not in everything
    assert "+8675583660003" in page(tenant, "/calls/?tests=on")
    assert "+8675583660001" not in page(tenant, f"/calls/?queue={cards.id}")
    assert "+8675583660001" in page(tenant, "/calls/?number=%2B86 755 8366 0001&begins=2026-03-10&ends=2026-03-10")
    assert "No call is like that." in page(tenant, "/calls/?begins=2026-03-11")
    assert "No call is like that." in page(tenant, "/calls/?number=nobody")


def test_a_filter_that_cannot_be_understood_is_named_and_nothing_is_lost() -> None:
    tenant = make_tenant()
    make_contact(tenant, ani="+8675583660001")

    shown = page(tenant, "/calls/?begins=yesterday&queue=nothing")

    assert "Enter a valid date." in shown
    assert "is not a valid UUID" in shown
    assert 'value="yesterday"' in shown
    page(tenant, "/calls/calls.csv?begins=yesterday", status=404)
    page(tenant, "/calls/?before=nonsense", status=404)


def test_the_list_is_paged(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("reporting.web.records.ON_A_PAGE", 2)
    tenant = make_tenant()
    made = [make_contact(tenant, ani=f"+867558366000{number}") for number in range(3)]

    first = page(tenant, "/calls/")
    assert "+8675583660000" not in first
    assert f"?before={made[1].id}" in first
    second = page(tenant, f"/calls/?before={made[1].id}")
    assert "+8675583660000" in second
    assert "+8675583660002" not in second


def test_one_calls_page_tells_its_whole_story() -> None:
    line = calls.make_line(wrap_up_seconds=30)
    make_session(line.tenant, ready=True)
    contact = calls.call(line.number, ani="+447700900123")
    calls.leg_ends(calls.offer_of(contact).leg_channel, cause=Cause.USER_BUSY, sip_status=486)
    make_session(line.tenant, ready=True, agent=make_agent(line.tenant, name="Ann"))
    offer = calls.talk(contact)
    calls.caller_hangs_up(contact)
    calls.leg_ends(offer.leg_channel)
    write_down()

    shown = page(line.tenant, f"/calls/{contact.id}/")

    for words in (
        "+447700900123",
        "node1",
        "user busy",
        "SIP 486",
        "the far end",
        "Ann",
        "agents that fitted",
        "rejected",
    ):
        assert words in shown, words
    assert shown.count("<rect") == 7  # flow, queue, ring, queue, ring, talk, wrap-up


def test_another_tenants_call_does_not_exist() -> None:
    tenant, other = make_tenant(), make_tenant()
    contact = make_contact(other)
    page(tenant, f"/calls/{contact.id}/", status=404)
    page(tenant, f"/calls/{uuid4()}/", status=404)
    assert rows_of(page(tenant, "/calls/calls.csv")) == []


def test_calls_as_a_sheet() -> None:
    tenant = make_tenant(time_zone="Asia/Shanghai")
    contact = make_call(tenant, make_queue(tenant, name="=Loans"), make_session(tenant), ani="+8675583660001")

    (row,) = rows_of(page(tenant, "/calls/calls.csv"))

    assert (row["Arrived"], row["Calling number"], row["Queue"]) == (
        "2026-03-10 20:00:00",
        "'+8675583660001",
        "'=Loans",
    )
    assert (row["Waited (s)"], row["Talked (s)"], row["Wrap-up (s)"], row["Metered (ms)"]) == (
        "10.0", "60.0", "20.0", "60000",
    )  # fmt: skip
    assert (row["End"], row["Ended by"], row["Agents"], row["Contact"]) == ("handled", "caller", "Bob", str(contact.id))


def test_service_as_a_page_and_a_sheet() -> None:
    tenant = make_tenant()
    team = make_team(tenant, "Loans")
    make_session(tenant, agent=make_agent(tenant, team=team, name="Ann"))
    write_down()

    assert "Ann" in page(tenant, "/service/")
    assert "Ann" in page(tenant, f"/service/?team={team.id}")
    assert "Nobody was logged in on this day." in page(tenant, "/service/?date=2026-03-10")
    assert "Enter a valid date." in page(tenant, "/service/?date=never")
    (row,) = rows_of(page(tenant, "/service/service.csv"))
    assert (row["Name"], row["Team"], row["Left"], row["Occupancy"]) == ("Ann", "Loans", "", "")
    assert float(row["Logged in (s)"]) == float(row["Not ready (s)"]) == float(row["Not ready: just logged in (s)"])


def test_the_operator_sees_runs_and_exceptions(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("reporting.web.records.ON_A_PAGE", 1)
    with tenant_scope(CSP_TENANT_ID, read_only=True):
        provider = Tenant.objects.get(id=CSP_TENANT_ID)
    tell_system("process.started", node="node1", process="engine", run=uuid4(), host="here", pid=1)
    tell_system("exchange.lost", node="node1", last_alive_at="2026-03-10T12:00:00+00:00")

    newest = page(provider, "/system/", role=Role.OPERATOR)
    assert "Exchange lost" in newest.split("<tbody>")[1]
    assert "?before=" in newest
    assert "Process started" in page(provider, "/system/?sort=run", role=Role.OPERATOR).split("<tbody>")[1]
    assert "Select a valid choice" in page(provider, "/system/?sort=odd", role=Role.OPERATOR)
    page(make_tenant(), "/system/", role=Role.ADMINISTRATOR, status=403)


@pytest.mark.parametrize("path", PAGES)
def test_agents_see_no_records(path: str) -> None:
    page(make_tenant(), path, role=Role.AGENT, status=403)


@pytest.mark.parametrize(("path", "words"), [("/calls/", "通话"), ("/service/", "服务记录")])
def test_pages_speak_chinese(path: str, words: str) -> None:
    assert words in page(make_tenant(language="zh-hans"), path, language="zh-hans")
