"""What a backup plan may not be: numbers that must not be dialled, circles, and what is not there."""

from __future__ import annotations

import pytest

from routing.backup_states import ActivationState
from routing.models import BackupPlan, BackupRoute, BarredPrefix, Queue
from routing.services.backup import activate_plan
from routing.services.backup_plans import RoutesRefused, remove_plan, save_plan
from tenants.public import CSP_TENANT_ID, Conflict, Invalid, tenant_scope
from tests import factories
from tests.routing import backups
from tests.routing.backups import (
    MOBILE,
    PARTNER,
    activation_now,
    activations_of,
    announcement,
    begin,
    entry_point_of,
    in_force,
    make_plan,
    number_of,
    steps_due,
    take_steps,
    to_number,
    to_queue,
)
from tests.routing.calls import make_line


@pytest.mark.parametrize(
    ("number", "code"),
    [
        ("12345", "emergency"),
        ("999", "emergency"),
        ("112", "emergency"),
        ("+44999", "emergency"),
        ("+86110", "emergency"),
        ("0207 946 0000", "malformed"),
        ("sip:mobile@example.com", "malformed"),
        ("+", "malformed"),
        ("", "malformed"),
        ("+4490012345678901234", "malformed"),
        ("+449012345678", "premium"),
        ("+19005551234", "premium"),
        ("+881612345678", "premium"),
        ("+888123456789", "forbidden"),
    ],
)
def test_a_number_that_must_not_be_dialled_is_refused_and_nothing_is_lost(number: str, code: str) -> None:
    line = make_line()
    plan = make_plan(line, announcement("Kept."))
    with pytest.raises(RoutesRefused) as refused:
        save_plan(
            tenant_id=line.tenant.id,
            number_id=number_of(line).id,
            rules={"after_seconds": 99},
            routes=[announcement("New."), to_number(number)],
            actor=factories.ACTOR,
            plan_id=plan.id,
        )
    (error,) = refused.value.data["errors"]
    assert (error["pointer"], error["code"]) == ("/routes/1/destination", code)
    with tenant_scope(line.tenant.id, read_only=True):
        assert [row.announcement for row in BackupRoute.objects.filter(plan=plan)] == [{"en": "Kept."}]
        assert BackupPlan.objects.get(id=plan.id).after_seconds == 30


def test_every_fault_is_told_at_once() -> None:
    line = make_line()
    with pytest.raises(RoutesRefused) as refused:
        make_plan(line, to_number("999"), announcement(" "), to_number("+449012345678"), to_number(line.number))
    told = [(error["pointer"], error["code"]) for error in refused.value.data["errors"]]
    assert told == [
        ("/routes/0/destination", "emergency"),
        ("/routes/1/announcement", "missing"),
        ("/routes/2/destination", "premium"),
        ("/routes/3/destination", "loop"),
    ]


def test_a_number_cannot_stand_in_for_itself_nor_by_way_of_others() -> None:
    first, second, third = make_line(), make_line(), make_line()
    make_plan(second, to_number(third.number))
    make_plan(third, to_number(first.number), announcement())
    with pytest.raises(RoutesRefused) as refused:
        make_plan(first, to_number(second.number))
    assert [error["code"] for error in refused.value.data["errors"]] == ["loop"]
    # Other tenants' numbers are told to nobody.
    assert third.number not in refused.value.message


def test_a_chain_of_numbers_that_ends_outside_is_no_circle() -> None:
    first, second = make_line(), make_line()
    make_plan(second, to_number(MOBILE))
    assert begin(make_plan(first, to_number(second.number))).state == ActivationState.ACTIVATING


def test_a_circle_that_came_about_since_is_refused_before_activation() -> None:
    first, second = make_line(), make_line()
    number = number_of(second)
    with tenant_scope(second.tenant.id):
        circle = BackupPlan.objects.create(number=number)
        BackupRoute.objects.create(plan=circle, position=1, kind="dial", destination=first.number)
    with pytest.raises(RoutesRefused):
        make_plan(first, to_number(second.number))
    with tenant_scope(second.tenant.id):
        BackupRoute.objects.filter(plan=circle).delete()
    plan = make_plan(first, to_number(second.number))
    with tenant_scope(second.tenant.id):
        BackupRoute.objects.create(plan=circle, position=1, kind="dial", destination=first.number)
    with pytest.raises(RoutesRefused):
        begin(plan)
    assert activations_of(plan) == []


def test_a_route_barred_since_is_refused_to_a_person_and_left_out_by_a_rule() -> None:
    line = make_line()
    plan = make_plan(line, to_number(PARTNER), announcement())
    with tenant_scope(CSP_TENANT_ID):
        BarredPrefix.objects.create(prefix=PARTNER[:9], why="forbidden")
    with pytest.raises(RoutesRefused):
        begin(plan)
    activation = activate_plan(tenant_id=line.tenant.id, plan_id=plan.id, actor="rule", cause="queue")
    take_steps(activation)
    now = activation_now(activation)
    assert (now.state, list(now.refused.values())) == (ActivationState.ACTIVE, ["forbidden"])


def test_a_rule_whose_every_route_is_refused_fails_and_says_why() -> None:
    line = make_line()
    plan = make_plan(line, to_number(PARTNER))
    with tenant_scope(CSP_TENANT_ID):
        BarredPrefix.objects.create(prefix=PARTNER[:9], why="forbidden")
    activation = activate_plan(tenant_id=line.tenant.id, plan_id=plan.id, actor="rule", cause="queue")
    assert take_steps(activation) == ["check"]
    now = activation_now(activation)
    assert (now.state, entry_point_of(line).backup_id, now.step) == (ActivationState.FAILED, None, "")
    assert steps_due() == []
    assert "backup.failed" in [kind for kind, _ in backups.events_of(line.tenant, "backup")]


def test_a_queue_cannot_stand_in_for_itself() -> None:
    line = make_line()
    with pytest.raises(RoutesRefused) as refused:
        make_plan(line, to_queue(line.queue), queue_id=line.queue.id)
    assert refused.value.data["errors"][0]["pointer"] == "/routes/0/queue"


def test_another_tenants_queue_does_not_exist() -> None:
    stranger: Queue = factories.make_queue(factories.make_tenant())
    with pytest.raises(RoutesRefused) as refused:
        make_plan(make_line(), to_queue(stranger))
    assert refused.value.data["errors"][0]["code"] == "not-found"


def test_an_exchange_that_never_was_cannot_be_watched() -> None:
    with pytest.raises(Invalid) as refused:
        make_plan(make_line(), announcement(), node="node9")
    assert refused.value.code == "exchange-unknown"


def test_a_number_without_a_service_has_no_plan() -> None:
    line = make_line()
    number = factories.make_number(line.tenant)
    with pytest.raises(Invalid) as refused:
        save_plan(
            tenant_id=line.tenant.id, number_id=number.id, rules={}, routes=[announcement()], actor=factories.ACTOR
        )
    assert refused.value.code == "number-without-service"


def test_a_number_has_one_plan() -> None:
    line = make_line()
    make_plan(line, announcement())
    with pytest.raises(Conflict) as refused:
        make_plan(line, announcement())
    assert refused.value.code == "taken"


def test_a_plan_that_was_in_force_keeps_its_history() -> None:
    line = make_line()
    fresh = make_plan(make_line(), announcement())
    remove_plan(tenant_id=fresh.tenant_id, plan_id=fresh.id, actor=factories.ACTOR)
    activation = in_force(line, announcement())
    backups.end(activation)
    with pytest.raises(Conflict) as refused:
        remove_plan(tenant_id=line.tenant.id, plan_id=activation.plan_id, actor=factories.ACTOR)
    assert refused.value.code == "in-use"
