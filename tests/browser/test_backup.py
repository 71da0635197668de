"""Backup routes in a browser: set up with a mistake, activated after being asked, seen on the board, taken back."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from routing.models import BackupPlan
from tenants.public import CSP_TENANT_ID, Role, Tenant, tenant_scope
from tests.browser.test_accessibility import faults
from tests.factories import PASSWORD, make_person, make_queue
from tests.routing.backups import activations_of, announcement, begin, make_plan, take_steps, to_number, to_queue
from tests.routing.calls import Line, make_line

pytestmark = [pytest.mark.browser, pytest.mark.slow]

SHOTS = os.environ.get("SCREENSHOTS")


def shot(page: Page, name: str) -> None:
    """Keep a picture of the page, for whoever asks for pictures."""
    if SHOTS:
        page.screenshot(path=Path(SHOTS) / f"{name}.png", full_page=True)


def sign_in(page: Page, tenant: Tenant, role: str, path: str) -> None:
    person = make_person(tenant, role=role)
    page.goto(f"/sign-in/?next={path}")
    page.get_by_label("E-mail address").fill(str(person.email))
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in").click()


def test_an_administrator_sets_routes_up_activates_and_takes_back(page: Page) -> None:
    line: Line = make_line()
    make_queue(line.tenant, name="Night team")
    sign_in(page, line.tenant, Role.ADMINISTRATOR, "/backup/")
    expect(page.get_by_text("No backup route yet.")).to_be_visible()
    page.get_by_role("link", name="Set up").click()
    first, second = page.get_by_role("group", name="Route 1"), page.get_by_role("group", name="Route 2")
    first.get_by_label("Route", exact=True).select_option("dial")
    first.get_by_label("Number, such as").fill("999")
    second.get_by_label("Route", exact=True).select_option("announce")
    second.get_by_label("Announcement in English").fill("Please call again tomorrow.")
    page.get_by_role("button", name="Save").click()
    expect(first.get_by_text("is a short number")).to_be_visible()
    assert second.get_by_label("Announcement in English").input_value() == "Please call again tomorrow."
    shot(page, "edit-refused")
    assert faults(page) == []
    first.get_by_label("Number, such as").fill("+44 7700 900500")
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_text("+447700900500")).to_be_visible()
    page.get_by_role("link", name="Activate").click()
    expect(page.get_by_role("heading", name="Activate the backup?")).to_be_visible()
    shot(page, "confirm")
    assert faults(page) == []
    page.get_by_role("button", name="Activate now").click()
    expect(page.get_by_text("activating", exact=True).first).to_be_visible()
    with tenant_scope(line.tenant.id, read_only=True):
        plan = BackupPlan.objects.get()
    (activation,) = activations_of(plan)
    take_steps(activation)
    page.goto("/board/")
    banner = page.get_by_role("status").filter(has_text=line.number)
    expect(banner).to_contain_text("Backup active")
    shot(page, "board")
    assert faults(page) == []
    banner.get_by_role("link", name="Backup routes").click()
    page.get_by_role("link", name="Fail back").click()
    page.get_by_role("button", name="Fail back now").click()
    take_steps(activation)
    page.reload()
    expect(page.get_by_text("inactive", exact=True).first).to_be_visible()
    shot(page, "history")
    assert faults(page) == []
    page.goto("/board/")
    expect(page.get_by_role("heading", name="Live board")).to_be_visible()
    expect(page.get_by_text(line.number)).to_have_count(0)


def test_the_operator_sees_what_is_in_force_and_goes_there(page: Page) -> None:
    line = make_line()
    plan = make_plan(
        line, to_queue(make_queue(line.tenant, name="夜班"), takes_waiting=True), to_number(), announcement()
    )
    take_steps(begin(plan))
    with tenant_scope(CSP_TENANT_ID, read_only=True):
        provider = Tenant.objects.get(id=CSP_TENANT_ID)
    sign_in(page, provider, Role.OPERATOR, "/backup/")
    row = page.get_by_role("row").filter(has_text=line.number)
    expect(row).to_contain_text("active")
    shot(page, "operator")
    assert faults(page) == []
    page.goto("/board/")
    expect(page.get_by_role("status").filter(has_text=line.number)).to_contain_text(line.tenant.name)
    page.goto("/backup/")
    row.get_by_role("link", name=line.tenant.name).click()
    page.get_by_role("link", name="Fail back").click()
    page.get_by_role("button", name="Fail back now").click()
    expect(page.get_by_text("failing back", exact=True).first).to_be_visible()
    page.get_by_role("button", name="Language").click()
    page.get_by_role("button", name="简体中文").click()
    expect(page.get_by_role("heading", name="备用路由").first).to_be_visible()
    shot(page, "chinese")


def test_a_supervisor_sees_and_has_no_button(page: Page) -> None:
    line = make_line()
    make_plan(line, announcement())
    sign_in(page, line.tenant, Role.SUPERVISOR, "/backup/")
    expect(page.get_by_text(line.number)).to_be_visible()
    assert page.get_by_role("link", name="Activate").count() == 0
    assert page.get_by_role("link", name="Change").count() == 0
