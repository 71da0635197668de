"""The pages: signing in, choosing the tenant, logging in at a seat, and who may see what."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from django.test import Client
from pytest_django.fixtures import Settings

from agents.public import AgentSession
from tenants.public import Membership, Role, Tenant, tenant_scope
from tests.factories import PASSWORD, make_agent, make_person, make_station, make_tenant


@pytest.fixture
def acme() -> Tenant:
    return make_tenant(name="Acme Travel")


@pytest.fixture
def browser() -> Client:
    return Client()


@pytest.fixture
def state(settings: Settings, tmp_path: Path) -> Path:
    """A state folder without a demo."""
    settings.HOTSEAT_VAR_DIR = tmp_path
    return tmp_path


def sign_in(browser: Client, email: str, password: str = PASSWORD, **more: str) -> Any:
    return browser.post("/sign-in/", {"email": email, "password": password, **more})


def log_in(browser: Client, tenant: Tenant, number: str, *, extension: str = "", script: bool = False) -> Any:
    data = {"tenant": tenant.slug, "number": number, "password": PASSWORD, "extension": extension}
    return browser.post("/desk/login/", data, headers={"HX-Request": "true"} if script else {})


# --- People ----------------------------------------------------------------------------------------------------------


def test_a_person_of_one_tenant_is_in_it_at_once(browser: Client, acme: Tenant) -> None:
    alice = make_person(acme, role=Role.SUPERVISOR, email="alice@example.com")
    response = sign_in(browser, "Alice@Example.com", next="/board/")
    assert (response.status_code, response["Location"]) == (302, "/board/")
    page = browser.get("/board/").content.decode()
    assert "Acme Travel" in page
    assert alice.name in page


def test_a_person_of_two_tenants_chooses(browser: Client, acme: Tenant) -> None:
    other = make_tenant(name="Blue Water")
    alice = make_person(acme, role=Role.SUPERVISOR)
    with tenant_scope(other.id):
        membership = Membership.objects.create(user=alice, role=Role.SUPERVISOR)
    assert sign_in(browser, alice.email or "")["Location"] == "/sign-in/tenant/"
    assert browser.get("/board/").status_code == 302
    assert "Blue Water" in browser.get("/sign-in/tenant/").content.decode()
    assert browser.post("/sign-in/tenant/", {"membership": str(membership.id)})["Location"] == "/"
    assert "Blue Water" in browser.get("/board/").content.decode()


def test_nobody_chooses_a_tenant_that_is_not_theirs(browser: Client, acme: Tenant) -> None:
    alice, charlie = make_person(acme), make_person(make_tenant())
    with tenant_scope(acme.id, read_only=True):
        foreign = Membership.objects.get(user=alice)
    sign_in(browser, charlie.email or "")
    assert browser.post("/sign-in/tenant/", {"membership": str(foreign.id)}).status_code == 400


def test_a_wrong_password_is_told_on_the_form(browser: Client, acme: Tenant) -> None:
    alice = make_person(acme)
    response = sign_in(browser, alice.email or "", "wrong")
    assert response.status_code == 422
    assert "do not belong together" in response.content.decode()


def test_after_ten_wrong_passwords_the_address_waits(browser: Client, acme: Tenant) -> None:
    alice = make_person(acme)
    answers = [sign_in(browser, alice.email or "", "wrong").status_code for _ in range(10)]
    assert answers == [*[422] * 9, 429]
    assert sign_in(browser, alice.email or "").status_code == 429


def test_signing_in_never_leads_to_another_site(browser: Client, acme: Tenant) -> None:
    alice = make_person(acme)
    assert sign_in(browser, alice.email or "", next="https://evil.example/")["Location"] == "/"


def test_signing_out_needs_a_post_and_forgets_the_person(browser: Client, acme: Tenant) -> None:
    alice = make_person(acme, role=Role.SUPERVISOR)
    sign_in(browser, alice.email or "")
    assert browser.get("/sign-out/").status_code == 405
    assert browser.get("/board/").status_code == 200
    assert browser.post("/sign-out/").status_code == 302
    assert browser.get("/board/")["Location"] == "/sign-in/?next=/board/"


# --- Agents ----------------------------------------------------------------------------------------------------------


def test_an_agent_at_the_usual_computer_needs_no_extension(browser: Client, acme: Tenant) -> None:
    agent = make_agent(acme)
    station = make_station(acme, ip_address="127.0.0.1")
    response = log_in(browser, acme, agent.number)
    assert (response.status_code, response["Location"]) == (302, "/desk/")
    with tenant_scope(acme.id, read_only=True):
        assert AgentSession.objects.get().station_id == station.id
    assert browser.get("/desk/").status_code == 200
    assert browser.get("/desk/login/")["Location"] == "/desk/"


def test_at_an_unknown_computer_the_free_stations_are_listed(browser: Client, acme: Tenant) -> None:
    agent, other = make_agent(acme), make_agent(acme)
    taken, free = make_station(acme), make_station(acme)
    log_in(Client(), acme, other.number, extension=taken.extension)
    response = log_in(browser, acme, agent.number, script=True)
    page = response.content.decode()
    assert response.status_code == 422
    assert f'value="{free.extension}"' in page
    assert f'value="{taken.extension}"' not in page
    assert "<html" not in page
    assert log_in(browser, acme, agent.number, extension=free.extension, script=True)["HX-Redirect"] == "/desk/"


def test_an_agent_whose_browser_died_comes_back_to_the_desk(browser: Client, acme: Tenant) -> None:
    agent, station = make_agent(acme), make_station(acme)
    log_in(Client(), acme, agent.number, extension=station.extension)
    assert log_in(browser, acme, agent.number, extension=station.extension)["Location"] == "/desk/"
    assert browser.get("/desk/").status_code == 200
    with tenant_scope(acme.id, read_only=True):
        assert AgentSession.objects.count() == 1


def test_who_is_logged_in_elsewhere_is_offered_to_move(browser: Client, acme: Tenant) -> None:
    agent, left, wanted = make_agent(acme), make_station(acme), make_station(acme)
    log_in(Client(), acme, agent.number, extension=left.extension)
    response = log_in(browser, acme, agent.number, extension=wanted.extension, script=True)
    assert response.status_code == 409
    assert f'name="take_over" value="{wanted.extension}"' in response.content.decode()
    data = {"tenant": acme.slug, "number": agent.number, "password": PASSWORD, "take_over": wanted.extension}
    assert browser.post("/desk/login/", data)["Location"] == "/desk/"
    with tenant_scope(acme.id, read_only=True):
        assert AgentSession.objects.get(logged_out_at=None).station_id == wanted.id


def test_a_taken_station_is_refused_with_who_sits_there(browser: Client, acme: Tenant) -> None:
    agent, other = make_agent(acme), make_agent(acme, name="Li Na")
    station = make_station(acme)
    log_in(Client(), acme, other.number, extension=station.extension)
    response = log_in(browser, acme, agent.number, extension=station.extension)
    assert response.status_code == 409
    assert "Li Na" in response.content.decode()


def test_the_password_never_comes_back_in_a_page(browser: Client, acme: Tenant) -> None:
    agent = make_agent(acme)
    assert PASSWORD not in log_in(browser, acme, agent.number).content.decode()


def test_the_desk_sends_whoever_is_not_logged_in_to_the_log_in(browser: Client) -> None:
    assert browser.get("/desk/")["Location"] == "/desk/login/?next=/desk/"


# --- Rights and frame ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("role", "board", "desk"),
    [(Role.SUPERVISOR, 200, 403), (Role.ADMINISTRATOR, 200, 403), (Role.AGENT, 403, 302)],
)
def test_a_role_sees_its_pages_only(browser: Client, acme: Tenant, role: str, board: int, desk: int) -> None:
    alice = make_person(acme, role=role)
    sign_in(browser, alice.email or "")
    assert browser.get("/board/").status_code == board
    assert browser.get("/desk/").status_code == desk


def test_an_unknown_address_has_a_page(browser: Client) -> None:
    response = browser.get("/nowhere/")
    assert response.status_code == 404
    assert "There is nothing here" in response.content.decode()


def test_the_language_is_switched_and_kept(browser: Client) -> None:
    assert browser.post("/i18n/setlang/", {"language": "zh-hans", "next": "/sign-in/"})["Location"] == "/sign-in/"
    assert '<html lang="zh-hans"' in browser.get("/sign-in/").content.decode()


@pytest.mark.usefixtures("state")
@pytest.mark.parametrize("path", ["/", "/sign-in/", "/desk/login/"])
def test_pages_hold_no_inline_script_or_style(browser: Client, path: str) -> None:
    page = browser.get(path).content.decode()
    assert " style=" not in page
    assert "<style" not in page
    assert "<script>" not in page
    assert " onclick=" not in page


# --- The first page --------------------------------------------------------------------------------------------------


def test_without_a_demo_the_first_page_shows_no_people(browser: Client, state: Path) -> None:
    page = browser.get("/").content.decode()
    assert "/desk/login/" in page
    assert "This is the demo" not in page
    assert 'name="password"' not in page


def test_a_demo_tells_its_people_with_a_way_in_for_each(browser: Client, acme: Tenant, state: Path) -> None:
    alice = make_person(acme, role=Role.SUPERVISOR)
    person = {"name": alice.name, "email": alice.email, "role": "supervisor", "password": PASSWORD}
    agent = {"number": "2001", "name": "Li Na", "password": "seat-password", "extension": "1001", "simulated": False}
    tenant = {"slug": acme.slug, "name": "Acme Travel", "numbers": [{"e164": "+442079460101"}], "people": [person]}
    story = {
        "public_number": {"e164": "+442079460000"},
        "provider": {"people": []},
        "tenants": [{**tenant, "language": "en", "agents": [agent]}],
    }
    (state / "demo.json").write_text(json.dumps(story), encoding="utf-8")
    page = browser.get("/").content.decode()
    for told in ("+442079460000", "+442079460101", "Acme Travel", str(alice.email), PASSWORD, "Li Na", "seat-password"):
        assert told in page
