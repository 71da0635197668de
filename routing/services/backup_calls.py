"""A call on its number's backup routes: each route in turn, until one takes it.

A route is tried in the tenant's scope, which alone may read whom to dial. What cannot take the call gives way to the
next: a queue for which nobody is logged in, a number that is barred, busy or silent, a trunk that is not there. When
none is left, the caller goes the usual way, or back to the place in the queue from which they came.
"""

import logging
from datetime import datetime, timedelta
from uuid import UUID

from agents.public import AgentSession
from routing.backup_states import DIVERSION, ActivationState, DiversionState
from routing.eligibility import find_demand, find_policy, with_demands
from routing.flows import FlowState
from routing.flows.media import SpokenText, media_for
from routing.models import (
    BackupActivation,
    BackupRoute,
    CommandKind,
    Contact,
    Diversion,
    Eligibility,
    FlowRun,
    Leg,
    Queue,
)
from routing.services.backup_targets import barred_by
from routing.services.commands import caller_command
from routing.services.contacts import ANNOUNCE_TIMER, await_no_step, enter_queue, entertain, lock_contact, requeue, save
from routing.services.diversions import (
    BACKUP_LABEL,
    DIVERSION_TIMER,
    begin_diversion,
    end_diversion,
    live_diversion,
    open_call,
    record_diversion,
)
from routing.services.flow import start_flow
from routing.services.flow_steps import FLOW_TIMER, PLAY_NET, START_LABEL, START_NET
from routing.services.offers import CONNECT_LEASE
from routing.services.outbound import dial_out, hang_up_out
from routing.services.outbound_legs import close_call, give_way
from routing.services.outside import Outside, read_outside
from routing.services.playback import medium, playback_id
from routing.services.segments import begin_segment
from routing.states import CONTACT, ContactState, EndReason, SegmentKind
from routing.switch.port import Cause
from tenants.public import (
    Due,
    claim_timer,
    db_now,
    drop_timer,
    engine_scope,
    find_row,
    set_timer,
    tenant_scope,
    timer_handler,
    update_row,
)

log = logging.getLogger(__name__)

LEASE_MARGIN = timedelta(seconds=5)
"""How much longer than its ring time a number may take until something is heard of it."""


def take_next_route(*, tenant_id: UUID, contact_id: UUID, node: str) -> None:
    """Try the contact's next backup route; nothing happens when one has taken it meanwhile."""
    outside = read_outside()
    if with_demands(lambda: _take(tenant_id, contact_id, node, outside)):
        start_flow(tenant_id=tenant_id, contact_id=contact_id, node=node)


def move_waiting(*, tenant_id: UUID, contact_id: UUID, activation_id: UUID) -> bool:
    """Take a contact out of its queue and onto the backup routes that take such; say whether it still waited."""
    with tenant_scope(tenant_id):
        contact = lock_contact(contact_id)
        activation = BackupActivation.objects.get(id=activation_id)
        if contact.state != ContactState.QUEUED or activation.state != ActivationState.ACTIVATING:
            return False
        now = db_now()
        drop_timer(ANNOUNCE_TIMER, subject_id=contact.id)
        await_no_step(contact)
        run = FlowRun.objects.get(contact=contact)
        begin_diversion(contact, activation_id, at=now, answered=FlowState.from_json(run.state).answered, waited=True)
        begin_segment(contact, SegmentKind.FLOW, at=now)
        node = contact.node
    take_next_route(tenant_id=tenant_id, contact_id=contact_id, node=node)
    return True


def announcement_over(*, contact_id: UUID, node: str) -> None:
    """The announcement of a backup route was heard: hang up."""
    with engine_scope(node=node):
        contact = lock_contact(contact_id)
        diversion = live_diversion(contact)
        if diversion is not None and diversion.state == DiversionState.ANNOUNCING:
            _end_after_announcement(contact, at=db_now())


@timer_handler(DIVERSION_TIMER)
def diversion_timer(due: Due) -> None:
    """What a diverted contact waited for did not come: a process died, or the exchange never spoke of it again."""
    with engine_scope():
        contact = lock_contact(due.subject_id)
        if not claim_timer(due):
            return
        diversion, now = live_diversion(contact), db_now()
        if diversion is None:
            if contact.state == ContactState.DIVERTED:
                log.warning("a contact is on backup routes that nothing tells of", extra={"contact": str(contact.id)})
                _begin_flow(contact, at=now)
            return
        if diversion.state != DiversionState.CHOOSING:
            _wait_no_longer(contact, diversion, at=now)
        if diversion.state != DiversionState.CHOOSING:
            return
        # Should this process die before the route is tried.
        _set_timer(contact, due_at=now + START_NET)
        node = contact.node
    take_next_route(tenant_id=due.tenant_id, contact_id=due.subject_id, node=node)


def somebody_serves(queue: Queue) -> bool:
    """Say whether anybody is logged in who could serve the queue. Raises DemandMissing. In any scope of the tenant."""
    demand = find_demand(queue)
    fitting = Eligibility.objects.filter(tenant_id=queue.tenant_id, demand=demand, fits=True).values("profile_id")
    sessions = AgentSession.objects.filter(tenant_id=queue.tenant_id, logged_out_at__isnull=True)
    return sessions.filter(profile_id__in=fitting).exists()


def _take(tenant_id: UUID, contact_id: UUID, node: str, outside: Outside) -> bool:
    """Try routes until one takes the contact; say whether its flow is to be started instead."""
    with tenant_scope(tenant_id, node=node):
        contact = lock_contact(contact_id)
        diversion = live_diversion(contact)
        if diversion is None or diversion.state != DiversionState.CHOOSING:
            return False
        now = db_now()
        activation = BackupActivation.objects.get(id=diversion.activation_id)
        routes = BackupRoute.objects.select_related("queue").filter(plan_id=activation.plan_id)
        for route in routes.filter(takes_waiting=True) if diversion.waited else routes:
            if str(route.id) in diversion.tried or str(route.id) in activation.refused:
                continue
            diversion.tried = [*diversion.tried, str(route.id)]
            why = _try(contact, diversion, route, outside, at=now)
            if not why:
                return False
            record_diversion("diversion.gave_way", diversion, contact, at=now, route=route.id, why=why)
        return _go_the_usual_way(contact, diversion, at=now)


def _try(contact: Contact, diversion: Diversion, route: BackupRoute, outside: Outside, *, at: datetime) -> str:
    """Send the contact by the route; return why it gives way, "" when it takes the contact."""
    if route.kind == BackupRoute.Kind.QUEUE:
        return _enter_queue(contact, diversion, route.queue, at=at)
    if route.kind == BackupRoute.Kind.DIAL:
        return _dial(contact, diversion, route, outside, at=at)
    _announce(contact, diversion, route, at=at)
    return ""


def _enter_queue(contact: Contact, diversion: Diversion, queue: Queue, *, at: datetime) -> str:
    if not queue.active:
        return "queue-closed"
    if not somebody_serves(queue):
        return "nobody-logged-in"
    since = contact.queued_at or contact.arrived_at
    end_diversion(contact, diversion, outcome="queued", at=at)
    demand, policy = find_demand(queue), find_policy(contact.tenant_id)
    enter_queue(contact, queue, demand, policy, priority=None, answered=diversion.answered, at=at, since=since)
    return ""


def _dial(contact: Contact, diversion: Diversion, route: BackupRoute, outside: Outside, *, at: datetime) -> str:
    if barred_by(route.destination, outside.barred) is not None:
        return "barred"
    trunk = outside.trunk_of(contact.node)
    if trunk is None:
        return "no-trunk"
    DIVERSION.apply(diversion, DiversionState.DIALLING)
    if not diversion.answered:
        caller_command(contact, CommandKind.INDICATE_RINGING, at=at)
    elif not diversion.waited:
        caller_command(contact, CommandKind.START_MUSIC, at=at, music_class="default")
    call = dial_out(contact, diversion, route, trunk, at=at)
    record_diversion("diversion.dialled", diversion, contact, at=at, route=route.id, leg=call.id, trunk=trunk.name)
    update_row(diversion, "state", "tried", "version")
    begin_segment(contact, SegmentKind.RING, at=at)
    _set_timer(contact, due_at=at + timedelta(seconds=route.ring_seconds) + LEASE_MARGIN)
    return ""


def _announce(contact: Contact, diversion: Diversion, route: BackupRoute, *, at: datetime) -> None:
    DIVERSION.apply(diversion, DiversionState.ANNOUNCING)
    if diversion.answered:
        caller_command(contact, CommandKind.STOP_MUSIC, at=at)
    else:
        caller_command(contact, CommandKind.ANSWER, at=at)
        diversion.answered = True
    said = medium(media_for(SpokenText(route.announcement), languages=(contact.language, contact.language[:2])))
    playback = playback_id(contact.id, BACKUP_LABEL)
    caller_command(contact, CommandKind.PLAY, at=at, playback=playback, media=[said])
    record_diversion("diversion.announced", diversion, contact, at=at, route=route.id)
    update_row(diversion, "state", "tried", "answered", "version")
    begin_segment(contact, SegmentKind.FLOW, at=at)
    _set_timer(contact, due_at=at + PLAY_NET)


def _go_the_usual_way(contact: Contact, diversion: Diversion, *, at: datetime) -> bool:
    """No route is left: back into the queue from which the caller was taken, else into the number's flow."""
    end_diversion(contact, diversion, outcome="none", at=at)
    if diversion.waited:
        requeue(contact, at=at, cause="no-backup-route")
        entertain(contact, answered=diversion.answered, at=at)
        return False
    if diversion.answered:
        run = FlowRun.objects.get(contact=contact)
        run.state = {**run.state, "answered": True}
        update_row(run, "state")
    _begin_flow(contact, at=at)
    return True


def _begin_flow(contact: Contact, *, at: datetime) -> None:
    """Let the contact begin as if it came now; its timer starts the flow should nobody do it before."""
    CONTACT.apply(contact, ContactState.ARRIVING)
    save(contact)
    begin_segment(contact, SegmentKind.FLOW, at=at)
    set_timer(FLOW_TIMER, tenant_id=contact.tenant_id, subject_id=contact.id, due_at=at + START_NET, label=START_LABEL)


def _wait_no_longer(contact: Contact, diversion: Diversion, *, at: datetime) -> None:
    """Nothing was heard in time: of the number dialled, of the two being joined, or of the announcement's end."""
    if diversion.state == DiversionState.ANNOUNCING:
        _end_after_announcement(contact, at=at)
        return
    call = open_call(diversion)
    if call is None:
        raise RuntimeError(f"diversion {diversion.id} is {diversion.state} without a call")
    log.warning("nothing is heard of an outbound call", extra={"call": str(call.id), "state": diversion.state})
    hang_up_out(contact, call.id, at=at)
    if find_row(Leg, "t.id = %s", [call.id]) is None:
        # The exchange never spoke of it, so it will not tell its end.
        close_call(call, contact, at=at, cause=Cause.NO_USER_RESPONDING)
        give_way(contact, diversion, call, why="unheard-of", at=at)
    else:
        _set_timer(contact, due_at=at + CONNECT_LEASE)


def _end_after_announcement(contact: Contact, *, at: datetime) -> None:
    contact.ending = EndReason.REJECTED
    save(contact, "ending")
    caller_command(contact, CommandKind.HANG_UP, at=at)


def _set_timer(contact: Contact, *, due_at: datetime) -> None:
    set_timer(DIVERSION_TIMER, tenant_id=contact.tenant_id, subject_id=contact.id, due_at=due_at)
