"""How long a contact will wait yet: what follows from the facts, and the facts themselves."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from random import Random

import pytest

from agents.public import AgentSession, set_not_ready, set_ready
from routing.models import CommandKind, Contact, Queue, Segment
from routing.services.announce import announce_position
from routing.services.contacts import ANNOUNCE_TIMER
from routing.waiting import CONFIDENCE, FEWEST, WaitEstimate, WaitFacts, estimate_wait, wait_from
from tenants.public import db_now, engine_scope, tenant_scope
from tests import factories
from tests.api import program
from tests.factories import ACTOR
from tests.routing import calls
from tests.routing.ringing import due

KNOWN = WaitFacts(agents=10, free=0, ahead=4, handled=200, handle_s=20_000, left_early=0, waited_s=1_000)


@pytest.mark.nodb
def test_each_agent_ahead_of_time_moves_the_line_by_one() -> None:
    """Ten agents at 100 s each free one every 10 s; the fifth in line waits for five of them."""
    wait = wait_from(KNOWN)
    assert wait is not None
    assert wait.seconds == pytest.approx(50)
    assert wait.low < wait.seconds < wait.high


@pytest.mark.nodb
def test_those_who_give_up_shorten_the_wait() -> None:
    """1 of 100 s gives up: 1 / (0.1 + j * 0.01) for j = 0 to 4."""
    wait = wait_from(KNOWN._replace(left_early=10))
    assert wait is not None
    assert wait.seconds == pytest.approx(sum(1 / (0.1 + ahead * 0.01) for ahead in range(5)))


@pytest.mark.nodb
def test_who_has_a_free_agent_waits_no_more() -> None:
    assert wait_from(KNOWN._replace(free=5)) == WaitEstimate(0, 0, 0)
    after_two = wait_from(KNOWN._replace(free=3))
    assert after_two is not None
    assert after_two.seconds == pytest.approx(20)


@pytest.mark.nodb
@pytest.mark.parametrize(
    "facts", [KNOWN._replace(agents=0), KNOWN._replace(handled=FEWEST - 1), KNOWN._replace(handle_s=0.0)]
)
def test_what_is_not_known_is_not_told(facts: WaitFacts) -> None:
    assert wait_from(facts) is None


@pytest.mark.nodb
@pytest.mark.parametrize("handled", [FEWEST, 30, 200])
@pytest.mark.parametrize("ahead", [0, 1, 5, 20, 100])
def test_so_many_waits_lie_in_the_range(handled: int, ahead: int) -> None:
    """Exponential times, rates estimated from few of them: the stated share lies in the range, within 5 points."""
    chance, within, tries = Random(20261124 + ahead), 0, 2_000
    for _ in range(tries):
        handle_s = sum(chance.expovariate(1 / 100) for _ in range(handled))
        wait = wait_from(WaitFacts(10, 0, ahead, handled, handle_s, 0, 0.0))
        assert wait is not None
        within += wait.low <= sum(chance.expovariate(10 / 100) for _ in range(ahead + 1)) <= wait.high
    assert abs(within / tries - CONFIDENCE) <= 0.05


@pytest.fixture
def line() -> calls.Line:
    return calls.make_line(requires="english", announce_wait=True, announce_seconds=30)


def past_calls(line: calls.Line, agent: AgentSession, count: int, *, talked_s: float, before: datetime) -> None:
    """So many calls of the line, handled by the agent for so long each, one after the other."""
    for number in range(count):
        contact = calls.call(line.number)
        calls.talk(contact)
        calls.caller_hangs_up(contact)
        ended = before - timedelta(minutes=count - number)
        with engine_scope():
            Contact.objects.filter(id=contact.id).update(
                queued_at=ended - timedelta(seconds=talked_s), connected_at=ended - timedelta(seconds=talked_s)
            )
            began = ended - timedelta(seconds=talked_s)
            mine = Segment.objects.filter(contact_id=contact.id, session_id=agent.id)
            mine.filter(kind="ring").update(started_at=began, ended_at=began)
            mine.filter(kind="talk").update(started_at=began, ended_at=ended)


def estimates(contacts: Sequence[Contact]) -> list[float | None]:
    """The seconds that each may expect, as they are now."""
    with engine_scope(read_only=True):
        found = [estimate_wait(Contact.objects.get(id=contact.id)) for contact in contacts]
    return [None if wait is None else round(wait.seconds) for wait in found]


def test_the_facts_are_those_of_the_latest_contacts_and_of_who_is_at_work(line: calls.Line) -> None:
    agent = factories.make_session(line.tenant, skills={"english": 3}, ready=True)
    with engine_scope(read_only=True):
        now = db_now()
    past_calls(line, agent, FEWEST, talked_s=90, before=now)
    busy = calls.call(line.number)
    calls.talk(busy)
    waiting = calls.queued(line, 3)
    assert estimates([busy, *waiting]) == [None, 90, 180, 270]
    second = factories.make_session(line.tenant, skills={"english": 3})
    assert estimates(waiting) == [90, 180, 270], "who is not ready serves nobody"
    set_ready_and_take(second, waiting[0])
    assert estimates(waiting) == [None, 45, 90], "two serve twice as fast"
    factories.make_session(line.tenant, skills={"french": 3}, ready=True)
    assert estimates(waiting[1:]) == [45, 90], "who cannot serve them is no matter"


def set_ready_and_take(session: AgentSession, contact: Contact) -> None:
    set_ready(tenant_id=session.tenant_id, session_id=session.id, actor=ACTOR)
    calls.pair_up(contact, session)


def test_with_nobody_at_work_nothing_is_known(line: calls.Line) -> None:
    agent = factories.make_session(line.tenant, skills={"english": 3}, ready=True)
    with engine_scope(read_only=True):
        now = db_now()
    past_calls(line, agent, FEWEST, talked_s=90, before=now)
    reason = factories.make_reason(line.tenant)
    set_not_ready(tenant_id=line.tenant.id, session_id=agent.id, reason_id=reason.id, actor=ACTOR)
    assert estimates([calls.call(line.number)]) == [None]


def test_the_caller_and_the_api_are_told(line: calls.Line) -> None:
    agent = factories.make_session(line.tenant, skills={"english": 3}, ready=True)
    with engine_scope(read_only=True):
        now = db_now()
    past_calls(line, agent, FEWEST, talked_s=90, before=now)
    calls.talk(calls.call(line.number))
    contact = calls.call(line.number)
    calls.caller_is_answered(contact)
    shown = program(line.tenant).read(f"contacts/{contact.id}/").json()
    assert (shown["position"], round(shown["estimated_wait"]["seconds"])) == (1, 90)
    assert shown["estimated_wait"]["confidence"] == CONFIDENCE
    announce_position(due(ANNOUNCE_TIMER, contact.id))
    (play,) = calls.commands(contact, CommandKind.PLAY)
    assert [item["say"] for item in play.arguments["media"]] == [
        "You are number 1 in the queue.",
        "You will be served in about 2 minutes.",
    ]


def test_callers_hear_the_queues_words_in_their_language_and_nothing_that_it_does_not_want() -> None:
    words = {"en": "Press 1 to be called back.", "zh-hans": "按1等待回电。"}
    line = calls.make_line(announce_seconds=30, announce_position=False, comfort=words)
    contact = calls.call(line.number)
    calls.caller_is_answered(contact)
    with tenant_scope(line.tenant.id):
        Contact.objects.filter(id=contact.id).update(language="zh-hans")
    announce_position(due(ANNOUNCE_TIMER, contact.id))
    (play,) = calls.commands(contact, CommandKind.PLAY)
    assert play.arguments["media"] == [{"say": words["zh-hans"], "language": "zh-hans"}]
    with tenant_scope(line.tenant.id):
        Queue.objects.filter(id=line.queue.id).update(comfort={})
    announce_position(due(ANNOUNCE_TIMER, contact.id))
    assert len(calls.commands(contact, CommandKind.PLAY)) == 1
