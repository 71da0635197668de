"""The administration's pages: what an administrator can make there, and whom they keep out."""

import json
import re
from typing import Any
from uuid import uuid4

import pytest
from django import forms
from django.contrib import admin
from django.test import Client
from django.urls import reverse

from agents.public import Agent, Site, Skill, Station
from routing.models import Disposition, EntryPoint, Flow, FlowVersion, Queue
from tenants.administration import RemovalForm
from tenants.models import AuditEntry
from tenants.public import (
    CSP_TENANT_ID,
    ApiKey,
    Customer,
    Membership,
    Number,
    Role,
    Tenant,
    tenant_scope,
)
from tests.api import Api, signed_in
from tests.factories import (
    PASSWORD,
    make_agent,
    make_flow,
    make_number,
    make_private_line,
    make_queue,
    make_session,
    make_site,
    make_skill,
    make_station,
    make_team,
    make_tenant,
    queue_flow,
)


@pytest.fixture
def acme() -> Tenant:
    return make_tenant()


@pytest.fixture
def browser(acme: Tenant) -> Api:
    return signed_in(acme)


def provider() -> Tenant:
    with tenant_scope(CSP_TENANT_ID, read_only=True):
        return Tenant.objects.get(id=CSP_TENANT_ID)


def page(kind: str, what: str, *args: Any) -> str:
    return reverse(f"admin:{kind}_{what}", args=args)


def make(browser: Client, kind: str, **values: Any) -> None:
    """Fill in the form for a new row, and insist that it was taken."""
    address = page(kind, "add")
    form = browser.get(address)
    assert form.status_code == 200, form.content
    response = browser.post(address, {name: value for name, value in values.items() if value is not None})
    assert response.status_code == 302, errors_in(response)


def errors_in(response: Any) -> str:
    text = re.sub(r"(?s)<(script|style).*?</\1>", "", response.content.decode())
    return " ".join(re.findall(r"(?s)text-red-[^>]*>(.*?)</div>", text)) or text[-2000:]


def test_an_administrator_makes_everything_without_the_operator(acme: Tenant, browser: Api) -> None:
    number = make_number(acme)
    make(browser, "agents_skill", code="english", name="English")
    make(browser, "agents_site", name="Main house")
    make(browser, "agents_team", name="Morning")
    with tenant_scope(acme.id, read_only=True):
        site = Site.objects.get()
    make(browser, "agents_station", site=site.id, extension="1001", ip_address="192.0.2.7", answer_mode="phone")
    make(browser, "agents_notreadyreason", name="Lunch", active="on")
    make(browser, "agents_agent", number="7001", name="王芳", password=PASSWORD, **{"skill-english": "3"})
    make(
        browser,
        "routing_queue",
        code="sales",
        name="Sales",
        requires="english >= 3",
        steps="20: english\n300: (), priority +1",
        preference="longest_idle",
        affinity_seconds=0,
        account_seconds=0,
        affinity_days=30,
        most_waiting=0,
        priority=0,
        weight_seconds=0,
        ring_seconds=20,
        wrap_up_seconds=30,
        target_seconds=15,
        target_percent=80,
        short_abandon_seconds=5,
        announce_seconds=30,
        music_class="default",
        active="on",
    )
    make(browser, "routing_flow", code="main", name="Main")
    make(browser, "routing_disposition", name="Sold", active="on")
    make(browser, "tenants_customer", name="王小明", phone="+447700900123")
    make(browser, "tenants_membership", email="sue@example.com", name="Sue", password=PASSWORD, role="supervisor")
    with tenant_scope(acme.id, read_only=True):
        flow, queue = Flow.objects.get(), Queue.objects.get()
    change = page("routing_flow", "change", flow.id)
    assert browser.get(change).status_code == 200
    response = browser.post(change, {"name": "Main flow", "definition": json.dumps(queue_flow(queue))})
    assert response.status_code == 302, errors_in(response)
    make(browser, "routing_entrypoint", code="line", name="Line", number=number.id, flow=flow.id, language="en")
    with tenant_scope(acme.id, read_only=True):
        assert Station.objects.get().endpoint == f"{acme.slug}-1001"
        agent = Agent.objects.get()
        assert list(agent.skills.values_list("skill__code", "proficiency")) == [("english", 3)]
        assert agent.user.check_password(PASSWORD)
        flow.refresh_from_db()
        assert (flow.name, flow.published.number) == ("Main flow", 1)
        assert EntryPoint.objects.get().number_id == number.id
        assert Disposition.objects.get().name == "Sold"
        assert Customer.objects.get().name == "王小明"
        assert Membership.objects.get(role="supervisor").user.email == "sue@example.com"
        actors = set(AuditEntry.objects.values_list("actor", flat=True))
        assert {actor.split(":")[0] for actor in actors} <= {"user", "system"}
        assert any(actor.startswith("user:") for actor in actors)


def test_a_key_made_on_the_page_is_shown_once(acme: Tenant, browser: Api) -> None:
    make(browser, "tenants_apikey", name="reports", role="supervisor")
    shown = browser.get(page("tenants_apikey", "changelist")).content.decode()
    token = re.search(r"The key is ([0-9a-f]+\.[\w-]+)\.", shown)
    assert token
    assert Api(token[1]).read("me/").status_code == 200
    assert token[1] not in browser.get(page("tenants_apikey", "changelist")).content.decode()
    with tenant_scope(acme.id, read_only=True):
        key = ApiKey.objects.get()
    browser.post(page("tenants_apikey", "changelist"), {"action": "revoke", "_selected_action": str(key.id)})
    assert Api(token[1]).read("me/").status_code == 401


def test_an_agent_is_changed(acme: Tenant, browser: Api) -> None:
    agent, team = make_agent(acme, skills={"english": 3}), make_team(acme)
    make_skill(acme, "loans")
    address = page("agents_agent", "change", agent.id)
    assert "english" in browser.get(address).content.decode().lower()
    body = {"name": "Eve", "team": team.id, "active": "on", "password": "", "skill-loans": "5"}
    assert browser.post(address, body).status_code == 302
    with tenant_scope(acme.id, read_only=True):
        agent = Agent.objects.select_related("user").get(id=agent.id)
        assert (agent.user.name, agent.team_id) == ("Eve", team.id)
        assert agent.user.check_password(PASSWORD)
        assert list(agent.skills.values_list("skill__code", "proficiency")) == [("loans", 5)]


def test_a_flow_with_faults_shows_them_all_and_stays(acme: Tenant, browser: Api) -> None:
    flow = make_flow(acme, queue_flow(make_queue(acme)))
    address = page("routing_flow", "change", flow.id)
    broken = {
        "schema": 1,
        "start": "a",
        "nodes": {"a": {"type": "queue", "queue": "nowhere"}, "b": {"type": "nothing"}},
    }
    for text, said in (
        (json.dumps(broken), ["/nodes/a/queue", "/nodes/b/type"]),
        ('{"schema": 1,\n x}', ["line 2, column 2"]),
    ):
        response = browser.post(address, {"name": "x", "definition": text})
        assert response.status_code == 200
        for sentence in said:
            assert sentence in response.content.decode()
    with tenant_scope(acme.id, read_only=True):
        assert FlowVersion.objects.count() == 1
        assert Flow.objects.get().name != "x"


def test_what_is_taken_is_told(acme: Tenant, browser: Api) -> None:
    make_skill(acme, "english")
    response = browser.post(page("agents_skill", "add"), {"code": "english", "name": "Again"})
    assert response.status_code == 200
    agent = make_agent(acme)
    body = {"number": agent.number, "name": "Twin", "password": PASSWORD}
    assert "is taken" in browser.post(page("agents_agent", "add"), body).content.decode()
    theirs = make_station(make_tenant())
    body = {"site": str(make_site(acme).id), "extension": "1001", "endpoint": theirs.endpoint, "answer_mode": "phone"}
    answer = browser.post(page("agents_station", "add"), body, follow=True)
    assert "endpoint already" in answer.content.decode()
    with tenant_scope(acme.id, read_only=True):
        assert (Skill.objects.filter(code="english").count(), Agent.objects.count()) == (1, 1)
        assert Station.objects.count() == 0


def test_a_queue_needs_skills_that_exist(acme: Tenant, browser: Api) -> None:
    fields = {name: value for name, value in forms.model_to_dict(Queue()).items() if name not in {"tenant", "steps"}}
    body = {**fields, "code": "sales", "name": "Sales", "requires": "nothing >= 3"}
    assert "with the code nothing" in errors_in(browser.post(page("routing_queue", "add"), body))
    for steps, said in (
        ("20 s", "Line 1"),
        ("20: english\n30 seconds", "Line 2"),
        ("20: -> nowhere", "no active queue with the code nowhere"),
        ("20: english\n10: ()", "/steps/1/after"),
    ):
        refused = browser.post(page("routing_queue", "add"), {**body, "requires": "", "steps": steps})
        assert said in errors_in(refused), steps
    with tenant_scope(acme.id, read_only=True):
        assert Queue.objects.count() == 0


# --- The operator ----------------------------------------------------------------------------------------------------


def test_the_operator_makes_a_tenant_and_gives_it_a_number() -> None:
    operator = signed_in(provider(), role=Role.OPERATOR)
    make(
        operator,
        "tenants_tenant",
        slug="beta",
        name="Beta",
        time_zone="Asia/Shanghai",
        language="zh-hans",
        currency="CNY",
        seats=5,
        email="li@example.com",
        person="李雷",
        password=PASSWORD,
    )
    with tenant_scope(CSP_TENANT_ID, read_only=True):
        beta = Tenant.objects.get(slug="beta")
    make(operator, "tenants_number", e164="+86 755 8366 0001", label="Main", tenant=beta.id)
    with tenant_scope(beta.id, read_only=True):
        assert (Number.objects.get().e164, Number.objects.get().kind) == ("+8675583660001", "private")
    assert "+8675583660001" in operator.get(page("tenants_number", "changelist")).content.decode()
    body = {"e164": "+8675583660001", "tenant": CSP_TENANT_ID}
    assert "is taken" in operator.post(page("tenants_number", "add"), body).content.decode()
    chosen = {"_selected_action": str(beta.id)}
    operator.post(page("tenants_tenant", "changelist"), {"action": "suspend", **chosen})
    with tenant_scope(CSP_TENANT_ID, read_only=True):
        assert Tenant.objects.get(slug="beta").status == "suspended"


def test_tenants_and_leases_are_the_operators(browser: Api) -> None:
    for address in (page("tenants_tenant", "changelist"), page("tenants_tenant", "add"), page("tenants_number", "add")):
        assert browser.get(address).status_code == 403


# --- Whom it keeps out -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("role", [Role.SUPERVISOR, Role.AGENT])
def test_others_are_refused(acme: Tenant, role: str) -> None:
    person = signed_in(acme, role=role)
    for address in (page("agents_skill", "add"), page("agents_agent", "add"), reverse("admin:index")):
        assert person.get(address, follow=True).status_code == 403
    assert person.post(page("agents_skill", "add"), {"code": "x", "name": "X"}, follow=True).status_code == 403
    with tenant_scope(acme.id, read_only=True):
        assert Skill.objects.count() == 0


def test_nobody_is_sent_to_the_sign_in() -> None:
    response = Client().get(page("agents_skill", "changelist"), follow=True)
    assert response.redirect_chain[-1][0].startswith(reverse("sign-in"))


def test_rows_of_another_tenant_are_not_there(acme: Tenant, browser: Api) -> None:
    other = make_tenant()
    skill, agent, flow = make_skill(other, "secret"), make_agent(other), make_flow(other, {})
    assert "secret" not in browser.get(page("agents_skill", "changelist")).content.decode()
    foreign = browser.post(page("agents_skill", "change", skill.id), {"name": "Mine"})
    missing = browser.post(page("agents_skill", "change", uuid4()), {"name": "Mine"})
    assert (foreign.status_code, foreign["Location"]) == (missing.status_code, missing["Location"])
    assert browser.post(page("agents_agent", "change", agent.id), {"name": "Mine"}).status_code == 404
    assert browser.post(page("routing_flow", "change", flow.id), {"name": "Mine"}).status_code == 404
    their_site = make_site(other)
    body = {"site": their_site.id, "extension": "1001", "answer_mode": "phone"}
    assert browser.post(page("agents_station", "add"), body).status_code == 200
    with tenant_scope(acme.id, read_only=True):
        assert Station.objects.count() == 0
    with tenant_scope(other.id, read_only=True):
        assert Skill.objects.get(id=skill.id).name == "Secret"


def test_every_page_opens(acme: Tenant, browser: Api) -> None:
    make_private_line(acme)
    make_session(acme)
    for model, model_admin in admin.site._registry.items():
        name = f"{model._meta.app_label}_{model._meta.model_name}"
        if name == "tenants_tenant":
            continue
        listing = browser.get(page(name, "changelist"))
        if name in ("routing_trunk", "routing_barredprefix"):
            assert listing.status_code == 403, f"{name} is the operator's"
            continue
        assert listing.status_code == 200, name
        with tenant_scope(acme.id, read_only=True):
            row = model_admin.model._default_manager.first()
        if row is not None:
            assert browser.get(page(name, "change", row.pk)).status_code == 200, name
        assert browser.get(page(name, "changelist") + "?q=a").status_code == 200, name
    assert browser.get(reverse("admin:index")).status_code == 200


def test_the_policy_is_loosened_for_these_pages_only(browser: Api) -> None:
    assert "'unsafe-eval'" in browser.get(reverse("admin:index"))["Content-Security-Policy"]
    assert "'unsafe-eval'" not in Client().get(reverse("sign-in"))["Content-Security-Policy"]


@pytest.mark.nodb
def test_a_form_without_its_service_cannot_be_made() -> None:
    unfinished: Any = RemovalForm
    with pytest.raises(TypeError, match="carry_out"):
        unfinished(caller=None)
