"""Numbers with their backup plans as pages and the live board show them. Plain rows, in the active language."""

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.db.models import QuerySet
from django.utils.translation import gettext as _

from routing.backup_states import LIVE_ACTIVATION, ActivationState, BackupStep
from routing.models import BackupActivation, BackupPlan, BackupRoute, EntryPoint
from tenants.public import Number, Tenant, engine_scope, tenant_scope

HISTORY = 10
TONES = {
    ActivationState.ACTIVATING: "fair",
    ActivationState.ACTIVE: "bad",
    ActivationState.FAILING_BACK: "fair",
    ActivationState.INACTIVE: "none",
    ActivationState.FAILED: "bad",
}


@dataclass(frozen=True, slots=True)
class ShownStep:
    """A step that was done, and how many seconds after the activation's beginning."""

    label: str
    after_s: float


@dataclass(frozen=True, slots=True)
class ShownActivation:
    """One time that a plan was in force."""

    row: BackupActivation
    tone: str
    steps: Sequence[ShownStep]
    by: str
    refused: int

    @property
    def is_live(self) -> bool:
        return self.row.state in LIVE_ACTIVATION

    @property
    def may_fail_back(self) -> bool:
        return self.row.state in (ActivationState.ACTIVATING, ActivationState.ACTIVE)


@dataclass(frozen=True, slots=True)
class ShownNumber:
    """A number that a service answers, with its plan if it has one."""

    number: Number
    service: str
    plan: BackupPlan | None
    routes: Sequence[BackupRoute]
    history: Sequence[ShownActivation]

    @property
    def live(self) -> ShownActivation | None:
        """The activation that is in force, or comes into it."""
        return next((shown for shown in self.history if shown.is_live), None)

    @property
    def past(self) -> Sequence[ShownActivation]:
        return [shown for shown in self.history if not shown.is_live]

    @property
    def rule(self) -> str:
        """Say by what rule the plan is activated and taken back; "" for none."""
        if self.plan is None or not self.plan.is_watched:
            return ""
        words = {"seconds": self.plan.after_seconds, "back": self.plan.return_seconds}
        said = []
        if self.plan.node:
            message = _("when the exchange %(node)s has been dead for %(seconds)s s")
            said.append(message % {**words, "node": self.plan.node})
        if self.plan.queue is not None:
            message = _("when nobody has been logged in for “%(queue)s” for %(seconds)s s")
            said.append(message % {**words, "queue": self.plan.queue.name})
        if self.plan.returns:
            said.append(_("back once all has been well for %(back)s s") % words)
        return "; ".join(said)


@dataclass(frozen=True, slots=True)
class InForce:
    """A plan in force, its tenant's name where more than one tenant's are told."""

    activation: BackupActivation
    number: str
    tenant: Tenant | None = None

    @property
    def tone(self) -> str:
        return TONES[ActivationState(self.activation.state)]

    def board_row(self) -> dict[str, Any]:
        """Return the live board's row, in the active language."""
        return {
            "id": str(self.activation.id),
            "kind": "backup",
            "seq": self.activation.version,
            "number": self.number,
            "tenant": self.tenant.name if self.tenant else "",
            "state": self.activation.state,
            "state_label": self.activation.get_state_display(),
            "cause": self.activation.get_cause_display(),
            "since": self.activation.started_at.astimezone(dt.UTC).isoformat(),
        }


def numbers_with_backup() -> list[ShownNumber]:
    """Return the tenant's numbers that a service answers, in order, inside its open scope: four statements."""
    services = EntryPoint.objects.exclude(number=None).select_related("number").order_by("number__e164")
    plans = {row.number_id: row for row in BackupPlan.objects.select_related("queue", "number")}
    routes: dict[UUID, list[BackupRoute]] = {}
    for route in BackupRoute.objects.select_related("queue"):
        routes.setdefault(route.plan_id, []).append(route)
    history: dict[UUID, list[ShownActivation]] = {}
    for row in BackupActivation.objects.all():
        shown = history.setdefault(row.plan_id, [])
        if len(shown) < HISTORY:
            shown.append(show_activation(row))
    found = []
    for service in services:
        plan = plans.get(service.number_id)
        key = plan.id if plan else UUID(int=0)
        found.append(ShownNumber(service.number, service.name, plan, routes.get(key, []), history.get(key, [])))
    return found


def show_activation(row: BackupActivation) -> ShownActivation:
    """Return an activation with its words."""
    steps = [
        ShownStep(str(BackupStep(step).label), (dt.datetime.fromisoformat(at) - row.started_at).total_seconds())
        for step, at in row.steps
    ]
    return ShownActivation(row, TONES[ActivationState(row.state)], steps, _who(row.started_by), len(row.refused))


def in_force() -> list[InForce]:
    """Return the tenant's plans in force, inside its open scope: one statement."""
    return [InForce(row, row.plan.number.e164) for row in _live()]


def in_force_everywhere() -> list[InForce]:
    """Return the plans in force of all tenants, for the operator. Opens a scope. A named cross-tenant look-up."""
    with engine_scope(read_only=True):
        return [InForce(row, row.plan.number.e164, row.tenant) for row in _live().select_related("tenant")]


def find_plan(plan_id: UUID, tenant_id: UUID) -> BackupPlan | None:
    """Return a tenant's plan with its number. Opens a scope."""
    with tenant_scope(tenant_id, read_only=True):
        return BackupPlan.objects.select_related("number", "queue").filter(id=plan_id).first()


def _live() -> QuerySet[BackupActivation]:
    rows: QuerySet[BackupActivation] = BackupActivation.objects.filter(state__in=LIVE_ACTIVATION)
    return rows.select_related("plan__number").order_by("started_at", "id")


def _who(actor: str) -> str:
    kind = actor.partition(":")[0]
    return {"rule": _("by rule"), "key": _("by a program"), "user": _("by a person")}.get(kind, actor)
