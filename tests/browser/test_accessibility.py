"""Every page passes axe's rules for WCAG 2.2 A and AA, in both colour themes."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path
from typing import Literal

import pytest
from playwright.sync_api import Page, expect

from billing.public import correct_line, rate_contact
from tenants.public import CSP_TENANT_ID, Role, Tenant, tenant_scope
from tests.billing.rows import make_table
from tests.contact_rows import make_call, make_contact
from tests.factories import (
    ACTOR,
    PASSWORD,
    make_agent,
    make_person,
    make_queue,
    make_session,
    make_station,
    make_team,
    make_tenant,
)

pytestmark = [pytest.mark.browser, pytest.mark.slow]

AXE = Path(__file__).parents[2] / "node_modules" / "axe-core" / "axe.min.js"
RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
THEMES: tuple[Literal["light", "dark"], ...] = ("light", "dark")


@pytest.fixture
def acme() -> Tenant:
    return make_tenant(name="Acme Travel")


def faults(page: Page) -> list[str]:
    """What axe finds wrong, in both themes."""
    found = []
    for theme in THEMES:
        page.emulate_media(color_scheme=theme, reduced_motion="reduce")
        page.evaluate(AXE.read_text(encoding="utf-8"))
        report = page.evaluate("tags => axe.run(document, {runOnly: tags})", RULES)
        found += [f"{theme} {fault['id']}: {fault['nodes'][0]['html']}" for fault in report["violations"]]
    return found


@pytest.mark.parametrize("path", ["/", "/sign-in/", "/desk/login/", "/nowhere/"])
def test_pages_that_anybody_sees(page: Page, path: str) -> None:
    page.goto(path)
    assert faults(page) == []


def test_the_board_and_the_reserve(page: Page, acme: Tenant) -> None:
    make_queue(acme)
    make_session(acme, agent=make_agent(acme, name="Li Na"))
    boss = make_person(acme, role=Role.SUPERVISOR)
    page.goto("/sign-in/?next=/board/")
    page.get_by_label("E-mail address").fill(str(boss.email))
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_text("Li Na")).to_be_visible()
    assert faults(page) == []
    page.goto("/reserve/")
    page.get_by_role("button", name="Open the reserve").click()
    expect(page.get_by_role("button", name="Close the reserve")).to_be_visible()
    assert faults(page) == []


def test_the_pages_of_records(page: Page, acme: Tenant) -> None:
    team = make_team(acme, "Loans")
    session = make_session(acme, agent=make_agent(acme, name="Li Na", team=team))
    contact = make_call(acme, make_queue(acme, name="Loans"), session, ani="+8675583660001")
    make_contact(acme, queue=make_queue(acme), queued=0, ended=40, reason="abandoned")
    boss = make_person(acme, role=Role.SUPERVISOR)
    page.goto("/sign-in/?next=/calls/")
    page.get_by_label("E-mail address").fill(str(boss.email))
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_text("+8675583660001")).to_be_visible()
    for path in ("/calls/", "/calls/?begins=odd", f"/calls/{contact.id}/", "/service/", "/board/"):
        page.goto(path)
        expect(page.get_by_role("heading", level=1)).to_be_visible()
        assert faults(page) == [], path


def test_the_operators_pages_of_money(page: Page, acme: Tenant) -> None:
    table = make_table(acme, {"": "0.6", "+44": "0.0123"})
    line = rate_contact(tenant_id=acme.id, contact_id=make_contact(acme, metered_ms=60_000).id)
    correct_line(tenant_id=acme.id, line_id=line.id, amount=Decimal("0.5"), reason="no voice", actor=ACTOR)
    with tenant_scope(CSP_TENANT_ID, read_only=True):
        provider = Tenant.objects.get(id=CSP_TENANT_ID)
    operator = make_person(provider, role=Role.OPERATOR)
    page.goto("/sign-in/?next=/enterprises/")
    page.get_by_label("E-mail address").fill(str(operator.email))
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_role("heading", name="Enterprises")).to_be_visible()
    assert faults(page) == []
    for path in ("rates/", "statement/", "statement/2026-03/", f"rates/tables/{table.id}/add/", "re-rate/"):
        page.goto(f"/enterprises/{acme.id}/{path}")
        assert faults(page) == [], path
    page.get_by_role("button", name="Rate again").click()
    expect(page.get_by_text("This field is required.")).to_be_visible()
    assert faults(page) == []


def test_the_desk(page: Page, acme: Tenant) -> None:
    agent = make_agent(acme)
    make_station(acme, ip_address="127.0.0.1")
    page.goto("/desk/login/")
    page.get_by_label("Company code").fill(acme.slug)
    page.get_by_label("Agent number").fill(agent.number)
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Log in").click()
    expect(page.get_by_role("heading", name="No contacts come to you now")).to_be_visible()
    assert faults(page) == []
