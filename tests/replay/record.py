"""The record of a telephone centre: what is read of it, and what is inferred where it is silent.

A CSV file, gzipped or not, one row a call in the order of arrival, of the form of the Technion's data of an Israeli
bank (Brown et al., "Statistical Analysis of a Telephone Call Center: A Queueing-Science Perspective", JASA 100 (2005)):
``date`` (ISO); ``type``, the skill that a call needs; ``priority``, of which 2 is credited with 90 s; ``ivr_end``,
``queue_start``, ``queue_end``, ``service_start``, ``service_end``: times of that day, ``H:MM:SS`` or empty;
``outcome``: AGENT, HANG, PHANTOM; ``agent``. Other columns are not looked at.

Inferred:

- A call comes to the queue at ``queue_start``, or, if it did not wait, at the end of the voice response unit.
- Who hung up in the voice response unit, and PHANTOM, never asked for an agent: left out.
- Patience of one who gave up is their wait. Of one who was served it was more than that; by how much is drawn, from an
  exponential with the type's mean patience, which is all its time waited over the number who gave up (the estimate of
  greatest likelihood from censored times).
- The service of one who gave up, or whose times are missing, is drawn among the served of the type.

What is drawn is drawn from a seed, the same in each run.
"""

from __future__ import annotations

import csv
import gzip
import random
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path

SEED = 19990801
DAY_S = 86_400
CREDITED = "2"
NEEDED = ("date", "type", "priority", "ivr_end", "queue_start", "queue_end", "outcome", "service_start", "service_end")


class RecordError(Exception):
    """The file is no such record; the message says why."""


@dataclass(frozen=True, slots=True)
class Call:
    """One call that asked for an agent. Seconds; `at_s` from the day's midnight, `wait_s` as recorded.

    `served` by the record, from `began_s` on by `agent`, None and empty where that is missing; `service_s` and
    `patience_s` may be drawn.
    """

    type: str
    credited: bool
    at_s: int
    wait_s: int
    served: bool
    agent: str
    began_s: int | None
    service_s: int
    patience_s: float


@dataclass(frozen=True, slots=True)
class Row:
    """A row that matters, before anything is drawn. `service_s` is None where the record has none to believe."""

    day: date
    type: str
    credited: bool
    at_s: int
    wait_s: int
    agent: str
    served: bool
    began_s: int | None
    service_s: int | None


def read(path: Path) -> dict[date, list[Call]]:
    """Return the calls by day. Raises RecordError, or OSError."""
    rows = list(_rows(path))
    services, means = _services(rows), _mean_patience(rows)
    chance = random.Random(SEED)  # the same draws whichever days are played
    days: dict[date, list[Call]] = defaultdict(list)
    for row in rows:
        drawn_service, drawn_patience = chance.choice(services[row.type]), chance.expovariate(1 / means[row.type])
        days[row.day].append(
            Call(
                type=row.type,
                credited=row.credited,
                at_s=row.at_s,
                wait_s=row.wait_s,
                served=row.served,
                agent=row.agent,
                began_s=row.began_s,
                service_s=drawn_service if row.service_s is None else row.service_s,
                patience_s=row.wait_s + drawn_patience if row.served else row.wait_s,
            )
        )
    return {day: sorted(calls, key=lambda call: call.at_s) for day, calls in days.items()}


def _rows(path: Path) -> Iterator[Row]:
    unpack = gzip.open if path.suffix == ".gz" else open
    with unpack(path, "rt", encoding="utf-8") as file:
        reader = csv.DictReader(file)
        missing = sorted({*NEEDED, "agent"} - set(reader.fieldnames or ()))
        if missing:
            raise RecordError(f"{path} has no column {', '.join(missing)}")
        for number, fields in enumerate(reader, start=2):
            try:
                row = _row(fields)
            except ValueError as error:
                raise RecordError(f"{path}, line {number}: {error}") from error
            if row is not None:
                yield row


def _row(fields: Mapping[str, str]) -> Row | None:
    served, queued = fields["outcome"] == "AGENT", bool(fields["queue_start"])
    if not served and not (queued and fields["outcome"] == "HANG"):
        return None
    began_s = _seconds(fields["service_start"]) if served and fields["service_start"] else None
    ended = fields["service_end"] if began_s is not None else ""
    return Row(
        day=date.fromisoformat(fields["date"]),
        type=fields["type"],
        credited=fields["priority"] == CREDITED,
        at_s=_seconds(fields["queue_start"] or fields["ivr_end"]),
        wait_s=_between(fields["queue_start"], fields["queue_end"]) if queued else 0,
        agent=fields["agent"] if began_s is not None else "",
        served=served,
        began_s=began_s,
        service_s=_between(fields["service_start"], ended) if ended else None,
    )


def _seconds(time: str) -> int:
    hours, minutes, seconds = time.split(":")
    return int(hours) * 3600 + int(minutes) * 60 + int(seconds)


def _between(began: str, ended: str) -> int:
    """Seconds from one time to the next, over midnight if need be."""
    return (_seconds(ended) - _seconds(began)) % DAY_S


def _services(rows: Sequence[Row]) -> dict[str, list[int]]:
    found: dict[str, list[int]] = defaultdict(list)
    for row in rows:
        if row.service_s is not None:
            found[row.type].append(row.service_s)
    every = [service for services in found.values() for service in services]
    return {row.type: found.get(row.type) or every or [0] for row in rows}


def _mean_patience(rows: Sequence[Row]) -> dict[str, float]:
    waited: dict[str, int] = defaultdict(int)
    gave_up: dict[str, int] = defaultdict(int)
    for row in rows:
        waited[row.type] += row.wait_s
        gave_up[row.type] += not row.served
    return {kind: max(1, waited[kind]) / max(1, gave_up[kind]) for kind in waited}
