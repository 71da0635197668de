"""The agent's desk and the supervisor's board, as a person uses them."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Page, expect

from agents.public import change_channel_rules
from routing.models import Disposition
from tenants.public import Role, Tenant, tenant_scope
from tests.factories import (
    ACTOR,
    PASSWORD,
    make_agent,
    make_person,
    make_reason,
    make_session,
    make_station,
    make_tenant,
)
from tests.routing.calls import make_line, now_of
from tests.routing.work import letter

pytestmark = [pytest.mark.browser, pytest.mark.slow]


@pytest.fixture
def acme() -> Tenant:
    return make_tenant(name="Acme Travel")


def take_seat(page: Page, tenant: Tenant, number: str) -> None:
    page.goto("/desk/login/")
    page.get_by_label("Company code").fill(tenant.slug)
    page.get_by_label("Agent number").fill(number)
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Log in").click()


def test_an_agent_finds_a_seat_gets_ready_and_takes_a_break(page: Page, acme: Tenant) -> None:
    agent = make_agent(acme, name="Li Na", skills={"english": 4})
    make_station(acme, extension="2001")
    make_reason(acme, "Lunch")
    take_seat(page, acme, agent.number)
    # The address is nobody's: the free seats are listed, and the password need not be typed again.
    page.get_by_role("button", name="2001").click()
    page.wait_for_url("**/desk/")
    bar = page.get_by_label("Your state")
    expect(page.locator("#live-sign")).to_have_attribute("data-state", "live")
    expect(bar.get_by_role("status")).to_contain_text("Not ready")
    expect(page.get_by_label("You at this seat")).to_contain_text("Li Na")
    expect(page.get_by_label("4 of 5")).to_be_visible()
    page.keyboard.press("r")
    expect(bar.get_by_role("status")).to_contain_text("Ready")
    expect(page.get_by_role("heading", name="Ready for the next contact")).to_be_visible()
    page.keyboard.press("n")
    page.get_by_role("button", name="Lunch").click()
    expect(bar.get_by_role("status")).to_contain_text("Lunch")
    bar.get_by_role("button", name="Log out").click()
    page.wait_for_url("**/desk/login/")


def test_a_phone_that_is_not_registered_is_seen_and_refuses_ready(page: Page, acme: Tenant) -> None:
    agent = make_agent(acme)
    make_station(acme, ip_address="127.0.0.1", reachable=False)
    take_seat(page, acme, agent.number)
    page.wait_for_url("**/desk/")
    expect(page.get_by_text("Your phone is not registered")).to_be_visible()
    page.get_by_role("button", name=re.compile("^Ready")).click()
    expect(page.get_by_role("alert").get_by_text("is not registered. Switch it on")).to_be_visible()


def test_a_supervisor_sees_who_is_there_and_the_wallboard_hides_callers(page: Page, acme: Tenant) -> None:
    make_session(acme, agent=make_agent(acme, name="Li Na"), ready=True)
    boss = make_person(acme, role=Role.SUPERVISOR)
    page.goto("/board/")
    page.get_by_label("E-mail address").fill(str(boss.email))
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in").click()
    page.wait_for_url("**/board/")
    agents = page.get_by_role("region", name="Agents")
    expect(agents.get_by_text("Li Na")).to_be_visible()
    expect(agents.get_by_text("1 logged in")).to_be_visible()
    expect(page.get_by_role("region", name="Waiting now")).to_be_visible()
    page.get_by_role("button", name="Wallboard").click()
    expect(page.get_by_role("region", name="Waiting now")).to_be_hidden()
    expect(agents.get_by_text("Li Na")).to_be_visible()


def test_the_language_of_the_board_follows_the_person(page: Page, acme: Tenant) -> None:
    boss = make_person(acme, role=Role.SUPERVISOR)
    page.goto("/sign-in/?next=/board/")
    page.get_by_label("E-mail address").fill(str(boss.email))
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in").click()
    page.get_by_role("button", name="Language").click()
    page.get_by_role("button", name="简体中文").click()
    expect(page.get_by_role("heading", name="实时看板")).to_be_visible()


def test_an_agent_takes_up_a_letter_and_says_what_came_of_it(page: Page, acme: Tenant) -> None:
    line = make_line(acme)
    change_channel_rules(tenant_id=acme.id, values={"capacity": {"voice": 1, "work": 2}}, actor=ACTOR)
    with tenant_scope(acme.id):
        Disposition.objects.create(name="Answered")
    agent = make_agent(acme, name="Li Na")
    make_station(acme, ip_address="127.0.0.1")
    take_seat(page, acme, agent.number)
    page.wait_for_url("**/desk/")
    page.keyboard.press("r")
    expect(page.get_by_role("heading", name="Ready for the next contact")).to_be_visible()
    contact = letter(line, subject="Change of address", body="Please note\nmy new address.", reference="DMS-7")
    expect(page.get_by_role("heading", name="Change of address")).to_be_visible()
    page.get_by_role("button", name="Accept").click()
    work = page.get_by_role("region", name="Work item")
    expect(work.get_by_text("my new address.")).to_be_visible()
    expect(work.get_by_text("DMS-7")).to_be_visible()
    work.get_by_label("What came of it?").select_option("Answered")
    work.get_by_label("Note").fill("Entered 已登记")
    work.get_by_role("button", name="Done").click()
    expect(page.get_by_role("heading", name="Ready for the next contact")).to_be_visible()
    ended = now_of(contact)
    assert (ended.end_reason, ended.disposition_id is not None) == ("handled", True)
