"""Contacts as rows, as the routing services would have left them, with what the log tells of them, written down.

Times are given in seconds after `at`, so that a test reads like a call's story.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from agents.public import AgentSession, lock_sessions
from reporting.services.projecting import mark_unrelayed, write_records
from routing.models import Contact, ContactParty, Demand, Interaction, Participation, Segment
from routing.public import ContactState, EndReason, EntryPoint, Queue, SegmentKind
from routing.services.contacts import note, save
from tenants.public import Tenant, engine_scope, record, tenant_scope, uuid7
from tests.factories import unique

NOON = datetime(2026, 3, 10, 12, 0, tzinfo=UTC)


@dataclass(frozen=True)
class Stretch:
    """A segment from `start` to `end` seconds after the contact's arrival; `end` None: it still runs."""

    kind: SegmentKind
    start: float
    end: float | None
    session: AgentSession | None = None


def make_contact(
    tenant: Tenant,
    *,
    at: datetime = NOON,
    queue: Queue | None = None,
    queued: float | None = None,
    answered: float | None = None,
    ended: float | None = None,
    reason: str = EndReason.HANDLED,
    state: str = ContactState.ENDED,
    metered_ms: int | None = 0,
    ani: str = "",
    restricted: bool = False,
    is_test: bool = False,
    stretches: Sequence[Stretch] = (),
    entry_point: EntryPoint | None = None,
    **fields: Any,
) -> Contact:
    """A contact that arrived at `at`; `queued`, `answered`, `ended` are seconds after that."""

    def moment(seconds: float | None) -> datetime | None:
        return None if seconds is None else at + timedelta(seconds=seconds)

    over = state == ContactState.ENDED
    channel = f"caller-{unique()}"
    with engine_scope():
        interaction = Interaction.objects.using("engine").create(
            node="node1",
            caller_channel=channel,
            clock_offset_ms=0,
            started_at=at,
            is_test=is_test,
            ended_at=at if over else None,
        )
        if queue is not None and not over:
            fields["demand"], _ = Demand.objects.get_or_create(
                tenant=tenant, queue=queue, channel="voice", expression=""
            )
        contact: Contact = Contact.objects.create(
            tenant=tenant,
            interaction=interaction,
            node="node1",
            caller_channel=channel,
            state=state,
            end_reason=reason if over else "",
            language="en",
            is_test=is_test,
            queue=queue,
            entry_point=entry_point,
            arrived_at=at,
            queued_at=moment(queued),
            order_at=moment(queued),
            connected_at=moment(answered),
            ended_at=moment(ended or 0) if over else None,
            metered_ms=metered_ms if over else None,
            **fields,
        )
        for stretch in stretches:
            Segment.objects.create(
                tenant=tenant,
                contact=contact,
                kind=stretch.kind,
                queue=queue,
                session=stretch.session,
                started_at=moment(stretch.start),
                ended_at=moment(stretch.end),
            )
        _tell(contact, stretches, moment)
    with tenant_scope(tenant.id):
        ContactParty.objects.create(contact=contact, ani=ani, ani_restricted=restricted, dnis="+442079460001")
    write_down()
    return contact


def write_down() -> None:
    """Bring the records up to the log, as the engine does all the time."""
    mark_unrelayed()
    while write_records():
        pass


def _tell(contact: Contact, stretches: Sequence[Stretch], moment: Callable[[float | None], datetime | None]) -> None:
    """Let the log tell of the contact, and of its agents' wrap-ups, what the services would have told."""
    note("contact.arrived", contact, at=contact.arrived_at, entry_point=contact.entry_point_id, ordinal=0)
    if contact.state != ContactState.ARRIVING:
        note("contact.flow_started", contact, at=contact.arrived_at)
    if contact.queued_at:
        note("contact.queued", contact, at=contact.queued_at)
    offer = uuid7()
    for stretch in stretches:
        ids = {"offer": offer, "agent_session": stretch.session.id} if stretch.session else {}
        for event in AT_BEGINNING.get(stretch.kind, ()):
            note(event, contact, at=contact.arrived_at + timedelta(seconds=stretch.start), **ids)
    if contact.ended_at:
        ended = {"reason": contact.end_reason, "metered_ms": contact.metered_ms}
        note("contact.ended", contact, at=contact.ended_at, **ended)
    save(contact)
    for stretch in stretches:
        if stretch.kind == SegmentKind.WRAP_UP and stretch.session:
            _tell_wrap_up(contact, stretch.session, moment(stretch.start), moment(stretch.end))


AT_BEGINNING: Mapping[str, Sequence[str]] = {
    SegmentKind.RING: ["offer.created"],
    SegmentKind.TALK: ["offer.connected", "contact.connected"],
}


def _tell_wrap_up(contact: Contact, agent: AgentSession, begins: datetime | None, ends: datetime | None) -> None:
    session = lock_sessions([agent.id])[agent.id]
    for state, at, details in (("wrap_up", begins, {"contact": str(contact.id)}), ("not_ready", ends, {})):
        if at is not None:
            data: dict[str, Any] = {"state": state, "reason": None, **details}
            record("agent.state_changed", session, kind="agent_session", at=at, **data)
    AgentSession.objects.filter(id=session.id).update(version=session.version)


def make_call(
    tenant: Tenant,
    queue: Queue,
    session: AgentSession,
    *,
    at: datetime = NOON,
    wait: float = 10,
    talk: float = 60,
    wrap_up: float = 20,
    **fields: Any,
) -> Contact:
    """A contact that waited, talked to the agent and was wrapped up; metered from its answer to its end."""
    end = wait + talk
    return make_contact(
        tenant,
        at=at,
        queue=queue,
        queued=0,
        answered=wait,
        ended=end,
        metered_ms=round(talk * 1000),
        stretches=[
            Stretch(SegmentKind.QUEUE, 0, wait - 2),
            Stretch(SegmentKind.RING, wait - 2, wait, session),
            Stretch(SegmentKind.TALK, wait, end, session),
            Stretch(SegmentKind.WRAP_UP, end, end + wrap_up, session),
        ],
        **fields,
    )


def join(contact: Contact, session: AgentSession, *, at: datetime) -> None:
    """Let the agent be on the contact from `at`."""
    with engine_scope():
        Participation.objects.create(
            tenant=contact.tenant, contact=contact, session=session, leg_channel=f"agent-{unique()}", joined_at=at
        )
