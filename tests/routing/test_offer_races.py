"""An offer has one outcome, whoever comes at the same time."""

from __future__ import annotations

import pytest

from agents.public import SessionState
from routing.models import CommandKind, Contact, Offer, Participation, SlotHold
from routing.states import LIVE_OFFER, ContactState, OfferState, SegmentKind
from tenants import timers
from tenants.public import Due, HotseatError, engine_scope
from tests import factories
from tests.agents.races import run_together
from tests.routing import calls
from tests.routing.matching import crowd
from tests.routing.ringing import DESK, LOCK_CONTACT, accept, due, holds, reject, ringing, timer_kinds


def _one_outcome(contact: Contact, offer: Offer) -> str:
    """Check that exactly one thing has happened to the offer, and nothing is left of it."""
    (after,) = [row for row in calls.offers_of(contact) if row.id == offer.id]
    with engine_scope(read_only=True):
        held = SlotHold.objects.filter(offer_id=offer.id).count()
    assert held == (1 if after.state in LIVE_OFFER else 0)
    crowd.expect_consistent(contact.tenant)
    return after.state


@pytest.mark.parametrize("turn", range(4))
def test_an_accept_and_the_callers_hang_up_at_once_have_one_outcome(admin_database_url: str, turn: int) -> None:
    _, session, contact, offer = ringing(answer_mode=DESK)
    acts = [lambda: accept(offer), lambda: calls.caller_hangs_up(contact)]
    accepted, gone = run_together(
        admin_database_url, acts if turn % 2 else acts[::-1], locked_by=LOCK_CONTACT, values=(contact.id,)
    )[:: 1 if turn % 2 else -1]
    assert gone is None
    assert accepted is None or accepted.code == "offer-over"
    # Whoever came first, the caller is gone in the end: no ringing, no slot, no bridge.
    assert _one_outcome(contact, offer) == OfferState.RESCINDED
    assert calls.now_of(contact).state == ContactState.ENDED
    assert (factories.slot_of(session).held, holds(), timer_kinds(offer.id)) == (False, 0, [])
    assert calls.hung_up(contact) == [offer.leg_channel]
    assert calls.commands(contact, CommandKind.BRIDGE) == []


@pytest.mark.parametrize("turn", range(4))
def test_the_agent_answers_in_the_instant_in_which_the_caller_leaves(admin_database_url: str, turn: int) -> None:
    _, session, contact, offer = ringing()
    acts = [lambda: calls.agent_answers(offer), lambda: calls.caller_hangs_up(contact)]
    run_together(admin_database_url, acts if turn % 2 else acts[::-1], locked_by=LOCK_CONTACT, values=(contact.id,))
    assert _one_outcome(contact, offer) == OfferState.RESCINDED
    calls.bridged(contact, offer)
    after = calls.now_of(contact)
    assert (after.state, after.connected_at) == (ContactState.ENDED, None)
    assert set(calls.hung_up(contact)) == {offer.leg_channel}
    assert not factories.slot_of(session).held
    with engine_scope(read_only=True):
        assert Participation.objects.count() == 0


@pytest.mark.parametrize("turn", range(4))
def test_the_lease_runs_out_while_the_desk_accepts(admin_database_url: str, turn: int) -> None:
    _, session, contact, offer = ringing(answer_mode=DESK)
    expiry = due("offer-lease", offer.id)
    acts = [lambda: accept(offer), lambda: timers.fire(expiry)]
    accepted, fired = run_together(
        admin_database_url, acts if turn % 2 else acts[::-1], locked_by=LOCK_CONTACT, values=(contact.id,)
    )[:: 1 if turn % 2 else -1]
    assert fired is None
    state = _one_outcome(contact, offer)
    dials = len(calls.commands(contact, CommandKind.DIAL))
    if accepted is None:
        # The former lease's timer finds a newer one and does nothing.
        assert (state, dials, factories.reread(session).state) == (OfferState.ACCEPTED, 1, SessionState.READY)
    else:
        assert isinstance(accepted, HotseatError)
        assert accepted.code == "offer-over"
        assert (state, dials, factories.reread(session).state) == (OfferState.TIMED_OUT, 0, SessionState.NOT_READY)


def test_a_former_leases_timer_is_refused_by_the_fence() -> None:
    _, _, contact, offer = ringing(answer_mode=DESK)
    old = due("offer-lease", offer.id)
    accept(offer)
    new = due("offer-lease", offer.id)
    assert (old.data["fence"], new.data["fence"]) == (1, 2)
    timers.fire(old)
    # Even one that could claim the row, since it has the new row's id, carries the old fence.
    timers.fire(Due(new.id, new.tenant_id, new.kind, new.subject_id, new.due_at, old.data))
    assert calls.offer_of(contact).state == OfferState.ACCEPTED


def test_a_reject_and_the_expiry_at_once_have_one_outcome(admin_database_url: str) -> None:
    _, session, contact, offer = ringing(answer_mode=DESK)
    expiry = due("offer-lease", offer.id)
    run_together(
        admin_database_url, [lambda: reject(offer), lambda: timers.fire(expiry)], locked_by=LOCK_CONTACT,
        values=(contact.id,),
    )  # fmt: skip
    assert _one_outcome(contact, offer) in (OfferState.REJECTED, OfferState.TIMED_OUT)
    assert calls.segments(contact).count(SegmentKind.RING) == 1
    assert not factories.slot_of(session).held
