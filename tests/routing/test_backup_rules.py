"""Plans that a rule activates and takes back: a dead exchange, a queue without anybody; for how long."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from agents.public import log_out
from routing.models import BackupPlan, SwitchNode
from routing.node.handling import note_node
from routing.services.backup_rules import LOOK_EVERY
from tenants.public import db_now, engine_scope, tenant_scope
from tenants.timers import due_timers, fire
from tests import factories
from tests.routing.backups import activations_of, announcement, begin, end, make_plan, take_steps
from tests.routing.calls import Line, make_line

NODE = "node-of-rules"


def look(plan: BackupPlan) -> None:
    """Let the engine look at the plan now."""
    with engine_scope(read_only=True):
        later = db_now() + timedelta(minutes=1)
    (due,) = [due for due in due_timers(until=later) if due.subject_id == plan.id]
    fire(due)


def has_lasted(plan: BackupPlan, seconds: int) -> None:
    """Whatever the plan last found has been so for this long."""
    with tenant_scope(plan.tenant_id):
        BackupPlan.objects.filter(id=plan.id).update(trouble_since=db_now() - timedelta(seconds=seconds))


def watched(**rules: object) -> tuple[Line, BackupPlan]:
    """A line whose plan is activated when nobody is logged in for its queue for 30 s."""
    line = make_line()
    return line, make_plan(line, announcement(), queue_id=line.queue.id, **rules)


def states(plan: BackupPlan) -> list[str]:
    return [activation.state for activation in activations_of(plan)]


def test_a_queue_without_anybody_activates_its_plan_after_so_long() -> None:
    _line, plan = watched()
    look(plan)
    has_lasted(plan, 29)
    look(plan)
    assert states(plan) == []
    has_lasted(plan, 30)
    look(plan)
    (activation,) = activations_of(plan)
    assert (activation.state, activation.cause, activation.started_by) == ("activating", "queue", "rule")


def test_somebody_who_could_serve_the_queue_keeps_the_rule_quiet_whatever_their_state() -> None:
    line, plan = watched()
    session = factories.make_session(line.tenant)
    look(plan)
    has_lasted(plan, 300)
    look(plan)
    assert states(plan) == []
    log_out(tenant_id=line.tenant.id, session_id=session.id, actor=factories.ACTOR)
    look(plan)
    assert states(plan) == []
    has_lasted(plan, 31)
    look(plan)
    assert states(plan) == ["activating"]


def test_somebody_without_the_skill_does_not_count() -> None:
    line, plan = watched()
    factories.make_session(line.tenant, skills={"french": 5})
    look(plan)
    has_lasted(plan, 31)
    look(plan)
    assert states(plan) == ["activating"]


def test_what_a_rule_began_is_taken_back_by_rule_once_it_has_been_well_for_so_long() -> None:
    line, plan = watched(returns=True, return_seconds=60)
    look(plan)
    has_lasted(plan, 31)
    look(plan)
    take_steps(activations_of(plan)[0])
    factories.make_session(line.tenant)
    look(plan)
    has_lasted(plan, 59)
    look(plan)
    assert states(plan) == ["active"]
    has_lasted(plan, 60)
    look(plan)
    take_steps(activations_of(plan)[0])
    assert (states(plan), activations_of(plan)[0].ended_by) == (["inactive"], "rule")


@pytest.mark.parametrize("returns", [True, False])
def test_what_a_person_began_is_theirs_to_take_back(returns: bool) -> None:
    line, plan = watched(returns=returns)
    factories.make_session(line.tenant)
    take_steps(begin(plan))
    look(plan)
    has_lasted(plan, 3600)
    look(plan)
    assert states(plan) == ["active"]


def test_what_a_person_took_back_the_rule_does_not_begin_again_for_the_same_trouble() -> None:
    line, plan = watched()
    look(plan)
    has_lasted(plan, 31)
    look(plan)
    take_steps(activations_of(plan)[0])
    end(activations_of(plan)[0])
    began = activations_of(plan)[0].started_at - timedelta(seconds=31)
    with tenant_scope(plan.tenant_id):
        BackupPlan.objects.filter(id=plan.id).update(trouble_since=began)
    look(plan)
    assert states(plan) == ["inactive"]
    # Well in between, and then in trouble again.
    session = factories.make_session(line.tenant)
    look(plan)
    log_out(tenant_id=line.tenant.id, session_id=session.id, actor=factories.ACTOR)
    look(plan)
    with tenant_scope(plan.tenant_id):
        BackupPlan.objects.filter(id=plan.id).update(after_seconds=0)
    look(plan)
    assert states(plan) == ["inactive", "activating"]


def test_a_dead_exchange_activates_the_plans_of_its_numbers() -> None:
    now = datetime.now(UTC)
    note_node(node=NODE, connected=True, at=now)
    line = make_line()
    plan = make_plan(line, announcement(), node=NODE, after_seconds=5)
    look(plan)
    has_lasted(plan, 60)
    look(plan)
    assert states(plan) == []
    with engine_scope():
        SwitchNode.objects.filter(name=NODE).update(last_alive_at=now - timedelta(seconds=20))
    look(plan)
    assert states(plan) == []
    has_lasted(plan, 5)
    look(plan)
    (activation,) = activations_of(plan)
    assert (activation.cause, activation.state) == ("node", "activating")


def test_an_exchange_whose_clock_is_off_is_not_dead() -> None:
    note_node(node=NODE, connected=True, at=datetime.now(UTC) - timedelta(hours=1))
    plan = make_plan(make_line(), announcement(), node=NODE, after_seconds=1)
    look(plan)
    has_lasted(plan, 10)
    look(plan)
    assert states(plan) == []


def test_a_plan_is_looked_at_again_and_again_until_its_rule_is_taken_away() -> None:
    _line, plan = watched()
    look(plan)
    with engine_scope(read_only=True):
        soon = db_now() + LOOK_EVERY
    assert [due.kind for due in due_timers(until=soon) if due.subject_id == plan.id] == ["backup-watch"]
    with tenant_scope(plan.tenant_id):
        BackupPlan.objects.filter(id=plan.id).update(queue=None)
    look(plan)
    with engine_scope(read_only=True):
        later = db_now() + timedelta(hours=1)
    assert [due for due in due_timers(until=later) if due.subject_id == plan.id] == []
