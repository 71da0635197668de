"""The rules that activate backup plans and take them back: a timer looks at each watched plan again and again."""

from datetime import datetime, timedelta

from routing.backup_states import ActivationState
from routing.eligibility import with_demands
from routing.models import BackupActivation, BackupPlan, BackupRoute
from routing.services.backup import begin_activation, begin_fail_back
from routing.services.backup_calls import somebody_serves
from routing.services.backup_plans import WATCH_TIMER, live_activation
from routing.services.exchanges import exchange_is_dead
from tenants.public import Due, claim_timer, db_now, set_timer, tenant_scope, timer_handler

LOOK_EVERY = timedelta(seconds=2)
RULE = "rule"
"""The actor of what a rule did."""

Trouble = BackupPlan.Trouble


@timer_handler(WATCH_TIMER)
def look_at_plan(due: Due) -> None:
    """Look whether what a plan watches is in trouble, for how long, and act on it; then set the timer again."""
    with tenant_scope(due.tenant_id, read_only=True):
        plan = BackupPlan.objects.filter(id=due.subject_id).first()
        node = plan.node if plan else ""
    dead = exchange_is_dead(node) if node else False
    with_demands(lambda: _look(due, dead=dead))


def _look(due: Due, *, dead: bool) -> None:
    with tenant_scope(due.tenant_id, actor=RULE):
        rows = BackupPlan.objects.select_for_update(of=("self",)).select_related("number", "queue")
        plan = rows.filter(id=due.subject_id).first()
        if not claim_timer(due) or plan is None or not plan.is_watched:
            return
        now = db_now()
        trouble = _trouble(plan, dead=dead)
        if trouble != plan.trouble or plan.trouble_since is None:
            plan.trouble, plan.trouble_since = trouble, now
            plan.save(update_fields=["trouble", "trouble_since"])
        _act(plan, plan.trouble_since, at=now)
        set_timer(WATCH_TIMER, tenant_id=due.tenant_id, subject_id=plan.id, due_at=now + LOOK_EVERY)


def _trouble(plan: BackupPlan, *, dead: bool) -> str:
    if dead:
        return str(Trouble.NODE)
    if plan.queue is not None and not somebody_serves(plan.queue):
        return str(Trouble.QUEUE)
    return ""


def _act(plan: BackupPlan, since: datetime, *, at: datetime) -> None:
    """Activate what has been in trouble for long enough; take back what a rule began and is well for long enough."""
    lasted = (at - since).total_seconds()
    activation = live_activation(plan)
    if plan.trouble and activation is None and lasted >= plan.after_seconds:
        if _may_begin(plan, since):
            begin_activation(plan, cause=plan.trouble, actor=RULE)
    elif not plan.trouble and activation is not None and plan.returns and lasted >= plan.return_seconds:
        begun_by_rule = activation.cause != BackupActivation.Cause.HAND
        if begun_by_rule and activation.state == ActivationState.ACTIVE:
            begin_fail_back(plan, activation, actor=RULE)


def _may_begin(plan: BackupPlan, since: datetime) -> bool:
    """Whether the rule has not acted on this very trouble before: it failed then, or a person has taken it back."""
    if not BackupRoute.objects.filter(plan=plan).exists():
        return False
    return not BackupActivation.objects.filter(plan=plan, started_at__gte=since).exists()
