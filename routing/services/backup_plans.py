"""Writing a number's backup plan: its rules and its routes in order, all or nothing."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any
from uuid import UUID

from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _

from routing.backup_states import LIVE_ACTIVATION
from routing.models import BackupActivation, BackupPlan, BackupRoute, EntryPoint, Queue
from routing.services.backup_targets import Fault, Way, clean_destination, judge_ways, ways_of
from routing.services.exchanges import known_exchanges
from routing.services.outside import read_outside
from routing.speech.voices import SPOKEN_LANGUAGES
from tenants.public import (
    Conflict,
    Invalid,
    NotFound,
    Number,
    db_now,
    drop_timer,
    set_timer,
    tenant_scope,
    writing,
)

WATCH_TIMER = "backup-watch"
MOST_ROUTES = 20
TEXT_LIMIT = 2000

Kind = BackupRoute.Kind


@dataclass(frozen=True, slots=True, kw_only=True)
class RouteDraft:
    """A route as somebody wrote it."""

    kind: str
    queue_id: UUID | None = None
    destination: str = ""
    ring_seconds: int = 25
    announcement: Mapping[str, str] = field(default_factory=dict)
    takes_waiting: bool = False


class RoutesRefused(Invalid):
    """Routes that may not be. `errors` has each with its place."""

    code = "backup-routes-refused"

    def __init__(self, faults: Sequence[Fault]) -> None:
        message = _("%(count)d of the backup routes cannot be used: %(first)s")
        super().__init__(
            message % {"count": len({fault.place for fault in faults}), "first": faults[0].message},
            errors=[fault.as_error() for fault in faults],
        )


def save_plan(
    *,
    tenant_id: UUID,
    number_id: UUID,
    rules: Mapping[str, Any],
    routes: Sequence[RouteDraft] | None,
    actor: str,
    plan_id: UUID | None = None,
) -> BackupPlan:
    """Write a number's plan, a new one or `plan_id`; return it. `routes` None leaves the routes as they are.

    `rules` are checked values of `BackupPlan`'s own fields. A plan in force may be changed: it holds for the next call.
    Raises NotFound, Conflict "taken" for a number that has a plan already, Invalid for values that cannot be, and
    RoutesRefused, with every fault, for routes that may not be; nothing is kept then.
    """
    with tenant_scope(tenant_id, actor=actor, read_only=True):
        number, watched = _read(number_id, rules.get("queue_id"), plan_id)
    _refuse_unknown_exchange(rules.get("node", ""))
    drafts, faults = _clean(routes or ())
    if watched is None and "queue_id" not in rules and plan_id is not None:
        with tenant_scope(tenant_id, actor=actor, read_only=True):
            watched = BackupPlan.objects.filter(id=plan_id).values_list("queue_id", flat=True).first()
    judged = _ways(drafts) if routes is not None else _stored_ways(tenant_id, plan_id)
    broken = {fault.place for fault in faults}
    faults += judge_ways(
        [way for way in judged if way.place not in broken],
        number=number,
        watched_queue_id=watched,
        barred=read_outside().barred,
    )
    with writing(tenant_id, actor=actor):
        faults += _unknown_queues(drafts)
        if faults:
            raise RoutesRefused(sorted(faults, key=lambda fault: fault.place))
        plan = _write_plan(number, rules, plan_id)
        if routes is not None:
            _write_routes(plan, drafts)
        _watch(plan)
    return plan


def remove_plan(*, tenant_id: UUID, plan_id: UUID, actor: str) -> None:
    """Remove a plan that was never in force. Raises NotFound, Conflict "in-use" for one that was."""
    with writing(tenant_id, actor=actor):
        plan = lock_plan(plan_id)
        if BackupActivation.objects.filter(plan=plan).exists():
            raise Conflict(
                _("This plan has been in force; its history needs it. Take away its rules and routes instead."),
                code="in-use",
            )
        drop_timer(WATCH_TIMER, subject_id=plan.id)
        plan.delete()


def lock_plan(plan_id: UUID) -> BackupPlan:
    """Lock and return a plan of the open scope; raise NotFound."""
    rows = BackupPlan.objects.select_for_update(of=("self",)).select_related("number")
    plan: BackupPlan | None = rows.filter(id=plan_id).first()
    if plan is None:
        raise NotFound(_("There is no such backup plan."), plan=str(plan_id))
    return plan


def live_activation(plan: BackupPlan) -> BackupActivation | None:
    """Lock and return the plan's live activation. The plan is locked."""
    rows = BackupActivation.objects.select_for_update().filter(plan=plan, state__in=LIVE_ACTIVATION)
    return rows.first()


def _read(number_id: UUID, queue_id: UUID | None, plan_id: UUID | None) -> tuple[Number, UUID | None]:
    number = Number.objects.filter(id=number_id).first()
    if number is None:
        raise NotFound(_("There is no such number."), number=str(number_id))
    if plan_id is not None and not BackupPlan.objects.filter(id=plan_id).exists():
        raise NotFound(_("There is no such backup plan."), plan=str(plan_id))
    if not EntryPoint.objects.filter(number=number).exists():
        message = _("No service answers %(number)s. Give it an entry point first.")
        errors = [{"pointer": "/number", "message": message % {"number": number.e164}}]
        raise Invalid(message % {"number": number.e164}, code="number-without-service", errors=errors)
    if queue_id is not None and not Queue.objects.filter(id=queue_id).exists():
        raise NotFound(_("There is no such queue."), queue=str(queue_id))
    return number, queue_id


def _refuse_unknown_exchange(node: str) -> None:
    if node and node not in (known := known_exchanges()):
        message = _("There is no exchange %(node)s. Known are: %(known)s.")
        said = message % {"node": node, "known": ", ".join(known) or "–"}
        raise Invalid(said, code="exchange-unknown", errors=[{"pointer": "/node", "message": said}])


def _clean(routes: Sequence[RouteDraft]) -> tuple[list[tuple[RouteDraft, str]], list[Fault]]:
    """Return the drafts, each with its number in E.164 form, and what is wrong with them by themselves."""
    if len(routes) > MOST_ROUTES:
        raise Invalid(_("A plan has %(most)d routes at most.") % {"most": MOST_ROUTES}, code="too-many-routes")
    drafts, faults = [], []
    for place, draft in enumerate(routes, start=1):
        number, fault = "", None
        if draft.kind == Kind.DIAL:
            number, fault = clean_destination(draft.destination, place=place)
        elif draft.kind == Kind.ANNOUNCE:
            fault = _bad_announcement(draft.announcement, place=place)
        elif draft.queue_id is None:
            fault = Fault(place, "queue", "missing", _("Choose a queue."))
        faults += [fault] if fault else []
        drafts.append((draft, number))
    return drafts, faults


def _bad_announcement(texts: Mapping[str, str], *, place: int) -> Fault | None:
    if not any(text.strip() for text in texts.values()):
        return Fault(place, "announcement", "missing", _("Write what the caller is to hear."))
    if unknown := sorted(texts.keys() - set(SPOKEN_LANGUAGES)):
        message = _("Texts are in %(known)s, not in %(unknown)s.")
        said = message % {"known": ", ".join(sorted(SPOKEN_LANGUAGES)), "unknown": ", ".join(unknown)}
        return Fault(place, "announcement", "unknown-language", said)
    if any(len(text) > TEXT_LIMIT for text in texts.values()):
        message = _("A text has %(limit)d characters at most.") % {"limit": TEXT_LIMIT}
        return Fault(place, "announcement", "too-long", message)
    return None


def _ways(drafts: Sequence[tuple[RouteDraft, str]]) -> list[Way]:
    return [
        Way(place, draft.kind, number, draft.queue_id if draft.kind == Kind.QUEUE else None)
        for place, (draft, number) in enumerate(drafts, start=1)
    ]


def _stored_ways(tenant_id: UUID, plan_id: UUID | None) -> list[Way]:
    with tenant_scope(tenant_id, read_only=True):
        return ways_of(BackupRoute.objects.filter(plan_id=plan_id))


def _unknown_queues(drafts: Sequence[tuple[RouteDraft, str]]) -> list[Fault]:
    known = set(Queue.objects.values_list("id", flat=True))
    return [
        Fault(place, "queue", "not-found", _("There is no such queue."))
        for place, (draft, _number) in enumerate(drafts, start=1)
        if draft.kind == Kind.QUEUE and draft.queue_id is not None and draft.queue_id not in known
    ]


def _write_plan(number: Number, rules: Mapping[str, Any], plan_id: UUID | None) -> BackupPlan:
    plan = BackupPlan(number=number) if plan_id is None else lock_plan(plan_id)
    for name, value in rules.items():
        setattr(plan, name, value)
    try:
        plan.clean_fields(exclude={"tenant", "number", "queue"})
    except ValidationError as error:
        raise Invalid(_("The plan's data are not valid."), errors=error.message_dict) from error
    plan.save(force_insert=plan_id is None)
    return plan


def _write_routes(plan: BackupPlan, drafts: Sequence[tuple[RouteDraft, str]]) -> None:
    BackupRoute.objects.filter(plan=plan).delete()
    for place, (draft, number) in enumerate(drafts, start=1):
        BackupRoute.objects.create(
            plan=plan,
            position=place,
            kind=draft.kind,
            queue_id=draft.queue_id if draft.kind == Kind.QUEUE else None,
            destination=number,
            ring_seconds=draft.ring_seconds,
            announcement=dict(draft.announcement) if draft.kind == Kind.ANNOUNCE else {},
            takes_waiting=draft.takes_waiting,
        )


def _watch(plan: BackupPlan) -> None:
    """Let the plan's rule be looked at from now on, or no more."""
    if plan.is_watched:
        due_at = db_now() + timedelta(seconds=1)
        set_timer(WATCH_TIMER, tenant_id=plan.tenant_id, subject_id=plan.id, due_at=due_at)
    else:
        drop_timer(WATCH_TIMER, subject_id=plan.id)
