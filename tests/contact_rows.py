"""Contacts as rows, as the routing services would have left them: for tests of what reads them.

Times are given in seconds after `at`, so that a test reads like a call's story.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from agents.public import AgentSession
from routing.models import Contact, ContactParty, Demand, Interaction, Participation, Segment
from routing.public import ContactState, EndReason, EntryPoint, Queue, SegmentKind
from tenants.public import Tenant, engine_scope, tenant_scope
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
                tenant=tenant, queue=queue, channel="voice", expression="", defaults={"requires": {}}
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
    with tenant_scope(tenant.id):
        ContactParty.objects.create(contact=contact, ani=ani, ani_restricted=restricted, dnis="+442079460001")
    return contact


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
