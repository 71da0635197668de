"""A contact's events, one by one, into its call record."""

from collections.abc import Callable

from reporting.models import CallRecord, HungUpBy, OfferRecord
from reporting.models.records import StretchKind
from reporting.projection.page import Logged, Page, length
from routing.public import ContactState, EndReason, OfferState

Step = Callable[[Page, Logged], None]


def apply_to_call(page: Page, event: Logged) -> None:
    """Take in the next event of a contact. Those that say nothing about its record change nothing."""
    step = STEPS.get(event.type)
    if step is None:
        return
    step(page, event)
    call = page.known_call()
    call.language = event.data["language"]
    if call.connected_at is None:
        call.queue_id = event.ref("queue")


def _arrived(page: Page, event: Logged) -> None:
    data = event.data
    page.call = CallRecord(
        id=event.aggregate_id,
        tenant_id=event.tenant_id,
        interaction_id=event.must("interaction"),
        ordinal=data["ordinal"],
        state=ContactState.ARRIVING,
        direction=data["direction"],
        channel=data["channel"],
        is_test=event.is_test,
        # Contacts of the first releases do not say where they came in.
        node=data.get("node", ""),
        sip_call_id=data.get("sip_call_id", ""),
        entry_point_id=event.ref("entry_point"),
        arrived_at=event.occurred_at,
    )
    page.begin(event, StretchKind.FLOW, contact_id=event.aggregate_id)


def _flow_started(page: Page, event: Logged) -> None:
    page.known_call().state = ContactState.IN_FLOW
    if page.running is None:  # back from the backup routes
        page.begin(event, StretchKind.FLOW, contact_id=event.aggregate_id)


def _left_queue(page: Page, event: Logged) -> None:
    page.known_call().state = ContactState.IN_FLOW
    _end_stretch(page, event)
    page.begin(event, StretchKind.FLOW, contact_id=event.aggregate_id)


def _diverted(page: Page, event: Logged) -> None:
    """The contact goes by its number's backup routes: what it does there, the diversion's events tell."""
    page.known_call().state = ContactState.DIVERTED
    _end_stretch(page, event)


def _outside_left(page: Page, event: Logged) -> None:
    _wished(page, HungUpBy.OUTSIDE)


def _queued(page: Page, event: Logged) -> None:
    call = page.known_call()
    call.state, call.segment = ContactState.QUEUED, event.data.get("segment", "")
    if call.connected_at is None:
        call.queued_at = event.occurred_at
    _wait(page, event)


def _transferred(page: Page, event: Logged) -> None:
    page.known_call().transfers += 1


def _wait(page: Page, event: Logged) -> None:
    _end_stretch(page, event)
    page.begin(event, StretchKind.QUEUE, contact_id=event.aggregate_id, queue_id=event.ref("queue"))


def _requeued(page: Page, event: Logged) -> None:
    page.known_call().state = ContactState.QUEUED
    _wait(page, event)


def _offered(page: Page, event: Logged) -> None:
    page.known_call().state = ContactState.OFFERED
    offer = OfferRecord(
        id=event.must("offer"),
        tenant_id=event.tenant_id,
        contact_id=event.aggregate_id,
        session_id=event.must("agent_session"),
        is_test=event.is_test,
        state=OfferState.OFFERED,
        offered_at=event.occurred_at,
        decision=event.data.get("decision", {}),
    )
    page.offers[offer.id] = offer
    page.keep(offer)
    _end_stretch(page, event)
    page.begin(
        event,
        StretchKind.RING,
        contact_id=event.aggregate_id,
        queue_id=event.ref("queue"),
        session_id=offer.session_id,
    )


def _offer(page: Page, event: Logged) -> OfferRecord | None:
    """The offer that the event is about; None when it is over already, as one can be that was mended by hand."""
    offer = page.offers.get(event.must("offer"))
    if offer is not None:
        page.keep(offer)
    return offer


def _rings(page: Page, event: Logged) -> None:
    offer = _offer(page, event)
    if offer is not None:
        offer.ringing_at = event.occurred_at


def _accepted(page: Page, event: Logged) -> None:
    page.known_call().state = ContactState.CONNECTING
    offer = _offer(page, event)
    if offer is not None:
        offer.state, offer.accepted_at = OfferState.ACCEPTED, event.occurred_at


def _offer_over(page: Page, event: Logged) -> None:
    offer = _offer(page, event)
    if offer is not None:
        offer.state = event.type.removeprefix("offer.")
        offer.cause, offer.ended_at = event.data.get("cause", ""), event.occurred_at
        del page.offers[offer.id]


def _connected(page: Page, event: Logged) -> None:
    call = page.known_call()
    session_id = event.must("agent_session")
    call.state = ContactState.ENGAGED
    if call.connected_at is None:
        call.connected_at, call.session_id = event.occurred_at, session_id
    _handled_on(page, event, StretchKind.TALK)


def _held(page: Page, event: Logged) -> None:
    _handled_on(page, event, StretchKind.HOLD)


def _retrieved(page: Page, event: Logged) -> None:
    _handled_on(page, event, StretchKind.TALK)


def _handled_on(page: Page, event: Logged, kind: StretchKind) -> None:
    """The same agent goes on with the caller, in another way."""
    _end_stretch(page, event)
    page.begin(
        event,
        kind,
        contact_id=event.aggregate_id,
        queue_id=event.ref("queue"),
        session_id=event.must("agent_session"),
    )


def _agent_left(page: Page, event: Logged) -> None:
    _wished(page, HungUpBy.AGENT)
    _end_stretch(page, event)


def _end_asked(page: Page, event: Logged) -> None:
    _wished(page, HungUpBy.AGENT if event.actor.startswith("agent:") else HungUpBy.SUPERVISOR)


def _flow_ended(page: Page, event: Logged) -> None:
    _wished(page, HungUpBy.HOTSEAT)


def _wished(page: Page, by: HungUpBy) -> None:
    """Note whose wish the end is: the first who had it."""
    call = page.known_call()
    call.hung_up_by = call.hung_up_by or by


def _ended(page: Page, event: Logged) -> None:
    call = page.known_call()
    call.state, call.end_reason = ContactState.ENDED, event.data["reason"]
    call.ended_at, call.metered_ms = event.occurred_at, event.data["metered_ms"]
    if call.end_reason == EndReason.SWITCH_LOST:
        call.hung_up_by = HungUpBy.EXCHANGE
    elif call.end_reason != EndReason.HANDED_OVER:
        _wished(page, HungUpBy.CALLER)
    _end_stretch(page, event)


def _wrapped_up(page: Page, event: Logged) -> None:
    page.known_call().disposition_id = event.ref("disposition")


def _end_stretch(page: Page, event: Logged) -> None:
    ended = page.end(event.occurred_at)
    if ended is None:
        return
    call = page.known_call()
    if ended.kind == StretchKind.TALK:
        call.talked += length(ended)
    elif ended.kind == StretchKind.HOLD:
        call.held += length(ended)


STEPS: dict[str, Step] = {
    "contact.arrived": _arrived,
    "contact.flow_started": _flow_started,
    "contact.flow_ended": _flow_ended,
    "contact.hand_over_failed": _flow_ended,
    "contact.diverted": _diverted,
    "contact.outside_left": _outside_left,
    "contact.queued": _queued,
    "contact.requeued": _requeued,
    "contact.left_queue": _left_queue,
    "contact.connected": _connected,
    "contact.held": _held,
    "contact.retrieved": _retrieved,
    "contact.transferred": _transferred,
    "contact.agent_left": _agent_left,
    "contact.end_asked": _end_asked,
    "contact.ended": _ended,
    "contact.wrapped_up": _wrapped_up,
    "offer.created": _offered,
    "offer.ringing": _rings,
    "offer.accepted": _accepted,
    "offer.connected": _offer_over,
    "offer.rejected": _offer_over,
    "offer.timed_out": _offer_over,
    "offer.rescinded": _offer_over,
    "offer.failed": _offer_over,
}
