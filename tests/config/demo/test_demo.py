"""The demo is made, made again without a change, and taken away without a trace."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.hashers import check_password
from django.core.management import CommandError, call_command
from django.db import connections

from agents.public import Agent, Station
from billing.models import NumberLease, RateTable, SeatLease
from config.demo.enterprises import ENTERPRISES, PUBLIC_NUMBER
from config.demo.reset import reset
from routing.models import EntryPoint, FlowVersion
from routing.switch.simulation.plan import read_plan
from tenants.public import CSP_TENANT_ID, Customer, Entitlement, Membership, Number, find_tenant, tenant_scope, uuid7


@pytest.fixture
def state(tmp_path: Path, settings: Any) -> Path:
    settings.HOTSEAT_VAR_DIR = tmp_path
    return tmp_path


def rows() -> dict[str, int]:
    """How many rows each of our tables has."""
    with connections["owner"].cursor() as cursor:
        cursor.execute(
            "SELECT relname FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind = 'r' "
            "AND relname ~ '^(tenants|agents|routing|billing|reporting)_'"
        )
        tables = [row[0] for row in cursor.fetchall()]
        counts = {}
        for table in tables:
            cursor.execute(f'SELECT count(*) FROM "{table}"')
            counts[table] = cursor.fetchone()[0]
        return counts


def test_it_makes_every_enterprise_with_people_ways_and_terms(state: Path) -> None:
    call_command("demo")
    for plan in ENTERPRISES:
        tenant = find_tenant(plan.slug)
        assert tenant is not None
        with tenant_scope(tenant.id, read_only=True):
            assert Agent.objects.count() == len(plan.agents) == Station.objects.count()
            assert Customer.objects.filter(name=plan.customers[0].name).exists()
            assert EntryPoint.objects.filter(flow__published__isnull=True).count() == 0
            assert EntryPoint.objects.count() == len(plan.services)
            assert NumberLease.objects.count() == Number.objects.count()
            assert SeatLease.objects.count() == 1
            assert sorted(RateTable.objects.values_list("direction", flat=True)) == ["inbound", "outbound"]
            assert Entitlement.objects.get(kind="seats").limit == len(plan.agents) + 2
    with tenant_scope(CSP_TENANT_ID, read_only=True):
        assert EntryPoint.objects.get(code="public").number.e164 == PUBLIC_NUMBER
        assert FlowVersion.objects.count() == 1


def test_what_it_tells_opens_what_it_names(state: Path) -> None:
    call_command("demo")
    path = state / "demo.json"
    story = json.loads(path.read_text())
    assert path.stat().st_mode & 0o777 == 0o600
    told = story["tenants"][0]
    with tenant_scope(told["id"], read_only=True):
        agent = Agent.objects.select_related("user").get(number=told["agents"][0]["number"])
    assert check_password(told["agents"][0]["password"], agent.user.password)
    assert told["api_key"].count(".") == 1
    assert not told["agents"][0]["simulated"]
    assert story["public_number"]["menu"] == {"1": "harbour", "2": "qingshan", "3": "lotus"}


def test_made_again_nothing_changes(state: Path) -> None:
    call_command("demo")
    before, story = rows(), (state / "demo.json").read_text()
    call_command("demo")
    assert rows() == before
    assert (state / "demo.json").read_text() == story


def test_when_the_story_is_lost_the_new_one_opens_everything_again(state: Path) -> None:
    call_command("demo")
    (state / "demo.json").unlink()
    call_command("demo")
    told = json.loads((state / "demo.json").read_text())["tenants"][2]
    with tenant_scope(told["id"], read_only=True):
        agent = Agent.objects.select_related("user").get(number=told["agents"][1]["number"])
        member = Membership.objects.select_related("user").get(user__email=told["people"][0]["email"])
    assert check_password(told["agents"][1]["password"], agent.user.password)
    assert check_password(told["people"][0]["password"], member.user.password)


def test_what_people_changed_stays(state: Path) -> None:
    call_command("demo")
    tenant = find_tenant("harbour")
    assert tenant is not None
    with tenant_scope(tenant.id):
        Customer.objects.filter(name="Oliver Bennett").update(segment="changed")
    call_command("demo")
    with tenant_scope(tenant.id, read_only=True):
        assert Customer.objects.get(name="Oliver Bennett").segment == "changed"


def test_a_reset_takes_the_enterprises_away_and_keeps_the_passwords(state: Path) -> None:
    call_command("demo")
    once = rows()
    password = json.loads((state / "demo.json").read_text())["tenants"][1]["agents"][2]["password"]
    tenant = find_tenant("qingshan")
    assert tenant is not None
    call_command("demo", "--reset")
    again = find_tenant("qingshan")
    assert again is not None
    assert again.id != tenant.id
    assert {table: count for table, count in rows().items() if table != "tenants_auditentry"} == {
        table: count for table, count in once.items() if table != "tenants_auditentry"
    }
    assert json.loads((state / "demo.json").read_text())["tenants"][1]["agents"][2]["password"] == password


def test_nothing_of_a_removed_enterprise_is_left(state: Path) -> None:
    call_command("demo")
    tenant = find_tenant("lotus")
    assert tenant is not None
    assert reset(["lotus"]) == 1
    with connections["owner"].cursor() as cursor:
        cursor.execute("SELECT count(*) FROM tenants_auditentry WHERE tenant_id = %s", [tenant.id])
        assert cursor.fetchone()[0] == 0
    assert find_tenant("lotus") is None
    assert find_tenant("harbour") is not None


def test_a_reset_is_refused_while_processes_work(state: Path) -> None:
    with connections["owner"].cursor() as cursor:
        cursor.execute(
            "INSERT INTO tenants_process (id, name, node, pid, progress_at, detail) "
            "VALUES (%s, 'engine', '', 1, clock_timestamp(), '{}')",
            [uuid7()],
        )
    with pytest.raises(CommandError, match="Stop Hotseat first: engine"):
        call_command("demo", "--reset")


def test_the_simulated_callers_read_their_script(state: Path) -> None:
    call_command("demo")
    plan = read_plan(state / "simulation.json")
    assert len(plan.phones) == sum(len(plan.stations) for plan in ENTERPRISES) + 1
    assert plan.phones[-1].endpoint == "trunk"
    assert {line.dnis for line in plan.lines} >= {PUBLIC_NUMBER, "+8675583660002"}
    assert [line.keys for line in plan.lines if line.dnis == PUBLIC_NUMBER] == ["111", "221", "131"]
