"""A day made up for it, through the services: head start, skills, absences, wrap-up and patience, to the second."""

from __future__ import annotations

from datetime import UTC, datetime

from tests.moved.clock import moved_clock
from tests.replay.day import ZONE
from tests.replay.presence import Member
from tests.replay.record import Call
from tests.replay.stage import play

MIDNIGHT = datetime(1999, 8, 2, tzinfo=ZONE)


def call(
    at_s: int, *, service_s: int = 100, patience_s: float = 1_000, kind: str = "PS", credited: bool = False
) -> Call:
    return Call(kind, credited, at_s, 0, True, "", None, service_s, patience_s)


def told(url: str, calls: list[Call], *staff: Member) -> list[tuple[bool, float]]:
    with moved_clock(url, start=MIDNIGHT.astimezone(UTC)) as clock:
        return play(clock, calls, staff, zone=ZONE)


def member(*present: tuple[int, int], skills: str = "PS") -> Member:
    return Member(skills, frozenset(skills.split()), present)


def test_a_credited_caller_goes_before_who_came_up_to_ninety_seconds_earlier(admin_database_url: str) -> None:
    calls = [call(1_000), call(1_005), call(1_010), call(1_090, credited=True), call(1_098, credited=True)]
    # The agent is free at 1105, 1210, 1315 and 1420; those who wait are ordered by 1005, 1010, 1000 and 1008.
    assert told(admin_database_url, calls, member((900, 2_000))) == [
        (True, 0),
        (True, 205),
        (True, 410),
        (True, 15),
        (True, 217),
    ]


def test_the_agent_wraps_up_for_five_seconds_and_is_away_in_between(admin_database_url: str) -> None:
    calls = [call(1_000), call(1_050), call(1_200)]
    assert told(admin_database_url, calls, member((900, 1_150), (1_500, 1_600))) == [(True, 0), (True, 55), (True, 300)]


def test_types_are_skills_and_patience_ends(admin_database_url: str) -> None:
    calls = [call(1_000, kind="IN", patience_s=70.5), call(1_001), call(1_002, kind="NW")]
    staff = (member((900, 2_000), skills="PS"), member((1_100, 2_000), skills="NW PS"))
    assert told(admin_database_url, calls, *staff) == [(False, 70.5), (True, 0), (True, 98)]
