"""Waits, abandonment and occupancy of days, as recorded and as replayed, by type and by hour."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from tests.replay.day import Day, Told
from tests.replay.record import Call

HOUR_S = 3600
HEAD = """| | calls | mean wait, s | | gave up | | occupancy | |
|---|---|---|---|---|---|---|---|
| | | record | replay | record | replay | record | replay |"""


@dataclass(frozen=True)
class Side:
    """What a group of calls came to: the mean wait of all of them, the part that gave up, and the part of the agents'
    time there that they talked."""

    wait_s: float
    gave_up: float
    occupancy: float


@dataclass(frozen=True)
class Line:
    """A group of calls, as recorded and as replayed."""

    name: str
    calls: int
    record: Side
    replay: Side

    def markdown(self) -> str:
        """A row of the table."""
        a, b = self.record, self.replay
        return (
            f"| {self.name} | {self.calls:,} | {a.wait_s:.0f} | {b.wait_s:.0f} | {a.gave_up:.1%} | {b.gave_up:.1%}"
            f" | {a.occupancy:.1%} | {b.occupancy:.1%} |"
        )


def table(days: Sequence[Day]) -> str:
    """Which days were played, and what came of them, as Markdown."""
    played = ", ".join(f"{day.day:%d}" for day in days)
    caption = f"{len(days)} days played of {days[0].day:%B %Y}: {played}." if days else "No day was played."
    return "\n".join([caption, "", HEAD, *(line.markdown() for line in lines_of(days))])


def lines_of(days: Sequence[Day]) -> list[Line]:
    """All of it, then by type, then by hour of arrival. A type's occupancy is its part of the agents' time."""
    types = sorted({call.type for day in days for call in day.calls})
    by_type = [_line(kind, days, kind=kind) for kind in types]
    return [_line("**all**", days), *by_type, *by_hour(days)]


def by_hour(days: Sequence[Day]) -> list[Line]:
    """One line for each hour in which anybody called."""
    hours = sorted({call.at_s // HOUR_S for day in days for call in day.calls})
    return [_line(f"{hour:02d}–{hour + 1:02d} h", days, hour=hour) for hour in hours]


def _line(name: str, days: Sequence[Day], *, kind: str | None = None, hour: int | None = None) -> Line:
    chosen = [
        (call, told)
        for day in days
        for call, told in zip(day.calls, day.told, strict=True)
        if kind in (None, call.type) and hour in (None, call.at_s // HOUR_S)
    ]
    since, until = (0, 48 * HOUR_S) if hour is None else (hour * HOUR_S, (hour + 1) * HOUR_S)
    there = sum(_within(member.present, since, until) for day in days for member in day.staff)
    recorded = [(call.served, float(call.wait_s)) for call, _ in chosen]
    # Who talks in an hour may have come before it.
    talked = [talk for day in days for talk in _talks(day, kind)]
    return Line(
        name,
        len(chosen),
        _side(recorded, _within([record for record, _ in talked if record], since, until), there),
        _side([told for _, told in chosen], _within([again for _, again in talked if again], since, until), there),
    )


def _side(told: Sequence[Told], talked_s: float, there_s: float) -> Side:
    count = len(told) or 1
    return Side(
        sum(wait for _, wait in told) / count,
        sum(not served for served, _ in told) / count,
        talked_s / there_s if there_s else 0.0,
    )


Span = tuple[float, float]


def _talks(day: Day, kind: str | None) -> Iterator[tuple[Span | None, Span | None]]:
    """When each call was talked, by the record and in the replay."""
    for call, told in zip(day.calls, day.told, strict=True):
        if kind in (None, call.type):
            yield _recorded(call), _replayed(call, told)


def _recorded(call: Call) -> Span | None:
    return None if call.began_s is None else (call.began_s, call.began_s + call.service_s)


def _replayed(call: Call, told: Told) -> Span | None:
    served, wait_s = told
    return (call.at_s + wait_s, call.at_s + wait_s + call.service_s) if served else None


def _within(spans: Iterable[Span], since: float, until: float) -> float:
    """Seconds of the spans that lie between two times."""
    return sum(max(0.0, min(until, ended) - max(since, began)) for began, ended in spans)
