"""What simulated agents do next: the same for whoever looks, and nothing before its time."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from agents.public import NotReadyReason, SessionState
from config.simulation.temperament import (
    Accept,
    Action,
    EndCall,
    GetReady,
    Reject,
    Seen,
    TakeBreak,
    Temperament,
    WrapUp,
)
from tenants.public import uuid7

pytestmark = pytest.mark.nodb

SINCE = datetime(2026, 11, 22, 9, tzinfo=UTC)
REASON, DISPOSITION = uuid7(), uuid7()


def seen(state: str = SessionState.NOT_READY, **fields: Any) -> Seen:
    return Seen(session_id=uuid7(), agent_id=uuid7(), state=state, state_since=SINCE, **fields)


def after(what: Seen, seconds: float, *, may_pause: bool = True, name: str = "harbour/2002") -> Action | None:
    return Temperament(name=name).next(
        what,
        now=SINCE + timedelta(seconds=seconds),
        reasons=[REASON],
        dispositions=[DISPOSITION],
        may_pause=may_pause,
    )


def test_it_gets_ready_soon_after_login() -> None:
    logged_in = seen(reason=NotReadyReason.System.LOGGED_IN)
    assert after(logged_in, 0.4) is None
    assert after(logged_in, 2.0) == GetReady()


@pytest.mark.parametrize("reason", [NotReadyReason.System.MISSED, NotReadyReason.System.UNREACHABLE])
def test_it_recovers_from_trouble(reason: str) -> None:
    assert after(seen(reason=reason), 3.9) is None
    assert after(seen(reason=reason), 12.0) == GetReady()


def test_it_stays_away_when_a_supervisor_says_so() -> None:
    assert after(seen(reason=NotReadyReason.System.FORCED), 3600) is None


def test_it_comes_back_from_a_break() -> None:
    assert after(seen(reason="chosen"), 19) is None
    assert after(seen(reason="chosen"), 60) == GetReady()


def test_it_takes_a_break_only_when_colleagues_are_there() -> None:
    assert after(seen(SessionState.READY), 3600) == TakeBreak(REASON)
    assert after(seen(SessionState.READY), 3600, may_pause=False) is None


def test_it_answers_an_offer_at_the_desk_whatever_else_there_is() -> None:
    offered = [seen(SessionState.READY, offer_id=uuid7(), offered_at=SINCE) for _ in range(400)]
    assert all(after(one, 0.7) is None for one in offered)
    answers = [after(one, 3.5) for one in offered]
    rejected = sum(isinstance(answer, Reject) for answer in answers)
    assert all(isinstance(answer, Accept | Reject) for answer in answers)
    assert 0 < rejected < 40


def test_it_ends_some_calls_itself_and_leaves_the_others_to_the_caller() -> None:
    talks = [seen(SessionState.READY, contact_id=uuid7(), talking_since=SINCE) for _ in range(400)]
    ended = sum(isinstance(after(talk, 3600), EndCall) for talk in talks)
    assert 40 < ended < 130


def test_it_wraps_up_with_a_disposition() -> None:
    wrapping = seen(SessionState.WRAP_UP, wrap_up_contact_id=uuid7())
    assert after(wrapping, 2.9) is None
    assert after(wrapping, 10) == WrapUp(DISPOSITION)


def test_whoever_looks_again_decides_alike_and_agents_differ() -> None:
    logged_in = seen(reason=NotReadyReason.System.LOGGED_IN)
    first = {name: [after(logged_in, ms / 100, name=name) for ms in range(250)] for name in ("a/1", "a/2")}
    again = {name: [after(logged_in, ms / 100, name=name) for ms in range(250)] for name in ("a/1", "a/2")}
    assert first == again
    assert first["a/1"] != first["a/2"]
