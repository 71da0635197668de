"""The pure policy against the naive one, whole and read in pieces."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from operator import attrgetter
from typing import Any, TypeVar, cast
from uuid import UUID

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from routing.matching.decide import ORDERS, FreeSlot, Pair, Waiting, decide
from tests.routing.matching.oracle import Caller, Seat, pairs

pytestmark = pytest.mark.nodb

NOON = datetime(2026, 3, 10, 12, tzinfo=UTC)
POOL = UUID(int=1)
DEMANDS, PROFILES, SESSIONS = ([UUID(int=base + n) for n in range(4)] for base in (100, 200, 300))
CHAT_DEMAND = 3
Fits = Mapping[tuple[UUID, UUID], int]
Row = TypeVar("Row")
Fields = dict[str, Any]


def _channel(demand: int) -> str:
    return "chat" if demand == CHAT_DEMAND else "voice"


def _waiting(number: int, *, demand: int = 0, priority: int = 0, at: int = 0, rule: str = "longest_idle",
             excluded: frozenset[int] = frozenset(), only: int | None = None) -> Waiting:  # fmt: skip
    """A contact; a demand is of one channel."""
    return Waiting(
        id=UUID(int=1000 + number), tenant_id=POOL, demand_id=DEMANDS[demand], channel=_channel(demand),
        priority=priority, order_at=NOON + timedelta(seconds=at), preference=rule, ring_seconds=20,
        excluded=frozenset(SESSIONS[one] for one in excluded), only=None if only is None else SESSIONS[only], row=(),
    )  # fmt: skip


def _slot(number: int, *, profile: int = 0, session: int = 0, idle: int = 0, channel: str = "voice", share: int = 0,
          served: int = 0, turn: int = 0, blocks: Sequence[str] = ()) -> FreeSlot:  # fmt: skip
    return FreeSlot(
        id=UUID(int=2000 + number), session_id=SESSIONS[session], profile_id=PROFILES[profile], channel=channel,
        idle_since=NOON + timedelta(seconds=idle), occupancy=share / 4, contacts=served,
        offered_at=NOON + timedelta(seconds=turn), blocks=blocks, session_version=0, answer_mode="phone", endpoint="",
    )  # fmt: skip


contacts = st.lists(
    st.builds(
        dict, demand=st.integers(0, 3), priority=st.integers(-1, 1), at=st.integers(0, 4),
        rule=st.sampled_from(sorted(ORDERS)), excluded=st.frozensets(st.integers(0, 3), max_size=2),
        only=st.sampled_from([None, None, 0, 1, 2, 3]),
    ),
    max_size=14,
).map(lambda rows: [_waiting(number, **fields) for number, fields in enumerate(cast(list[Fields], rows))])  # fmt: skip
slots = st.lists(
    st.builds(
        dict, profile=st.integers(0, 3), session=st.integers(0, 3), idle=st.integers(0, 4),
        channel=st.sampled_from(["voice", "voice", "voice", "chat"]), share=st.integers(0, 2),
        served=st.integers(0, 2), turn=st.integers(0, 4),
        blocks=st.sampled_from([(), (), ("chat",), ("voice", "chat")]),
    ),
    max_size=12,
).map(lambda rows: [_slot(number, **fields) for number, fields in enumerate(cast(list[Fields], rows))])  # fmt: skip
fits = st.dictionaries(st.tuples(st.sampled_from(DEMANDS), st.sampled_from(PROFILES)), st.integers(0, 5), max_size=12)


def _oracle(waiting: Sequence[Waiting], free: Sequence[FreeSlot], verdicts: Fits) -> list[tuple[UUID, UUID]]:
    callers = [
        Caller(one.id, one.demand_id, one.priority, (one.order_at, one.id), one.preference,
               frozenset(one.excluded), one.channel, one.only)
        for one in waiting
    ]  # fmt: skip
    seats = [
        Seat(one.id, one.session_id, one.profile_id, (one.idle_since, one.id), one.channel, one.offered_at,
             one.occupancy, one.contacts, one.blocks)
        for one in free
    ]  # fmt: skip
    return [(UUID(str(caller)), UUID(str(seat))) for caller, seat in pairs(callers, seats, verdicts)]


def _decided(*found: Any, **options: Any) -> list[Pair]:
    """What is decided when all there is was read."""
    made, leaves_more = decide(*found, **options)
    assert not leaves_more
    return made


def _told(made: Sequence[Pair]) -> list[tuple[UUID, UUID]]:
    return [(pair.contact.id, pair.slot.id) for pair in made]


@settings(max_examples=200, deadline=None)
@given(contacts, slots, fits)
def test_it_decides_as_the_naive_policy(waiting: list[Waiting], free: list[FreeSlot], verdicts: Fits) -> None:
    assert _told(_decided(waiting, free, verdicts)) == _oracle(waiting, free, verdicts)


@settings(max_examples=200, deadline=None)
@given(contacts, slots, fits, st.integers(1, 4))
def test_read_in_pieces_it_decides_the_same(
    waiting: list[Waiting], free: list[FreeSlot], verdicts: Fits, rows: int
) -> None:
    """Rounds that read only the first contacts that free slots suit, of all and of each demand, and the first slots of
    each profile in each order, make the pairs of one that reads all. Slots of agents to whom alone somebody may go are
    read besides.
    """
    queue, left, made, size = list(waiting), list(free), list[tuple[UUID, UUID]](), rows
    while True:
        there = {slot.kind for slot in left}
        suited = {demand for demand, profile in verdicts if (profile, _channel(DEMANDS.index(demand))) in there}
        able = [one for one in queue if one.demand_id in suited]
        of_each = _head(able, key=lambda one: one.demand_id, order=lambda one: one.place, rows=size)
        first = sorted(of_each, key=lambda one: one.place)[: size * 2]
        wanted = {one.only for one in first}
        ready = {one.id: one for one in left if one.session_id in wanted}
        for name in {"idle_since", *(ORDERS[one.preference] for one in first)}:
            order = attrgetter(name, "idle_since", "id")
            ready |= {one.id: one for one in _head(left, key=lambda one: one.kind, order=order, rows=size)}
        pairs_now, leaves_more = decide(first, list(ready.values()), verdicts, rows=size, most=size * 2)
        made += _told(pairs_now)
        queue = [one for one in queue if one.id not in {pair.contact.id for pair in pairs_now}]
        taken = [pair.slot for pair in pairs_now]
        left = [one for one in left if one not in taken and not any(slot.keeps_shut(one) for slot in taken)]
        if not leaves_more:
            break
        if not pairs_now:
            size *= 4
    assert sorted(made) == sorted(_oracle(waiting, free, verdicts))


def _head(rows_of: Sequence[Row], *, key: Callable[[Row], Any], order: Callable[[Row], Any], rows: int) -> list[Row]:
    kept: list[Row] = []
    counts: Counter[Any] = Counter()
    for one in sorted(rows_of, key=order):
        counts[key(one)] += 1
        if counts[key(one)] <= rows:
            kept.append(one)
    return kept


def test_deciding_stops_where_all_that_was_read_of_a_profile_is_excluded() -> None:
    """The two that were read of the profile are excluded; the next, unread, may be the one to prefer."""
    read = [_slot(1, profile=0, session=0), _slot(2, profile=0, session=0)]
    first = _waiting(1, excluded=frozenset({0}))
    assert decide([first, _waiting(2, demand=1, at=5)], read, FITS_ALL, rows=2) == ([], True)
    assert len(_decided([first, _waiting(2, demand=1, at=5)], read, FITS_ALL)) == 1


def test_deciding_stops_where_what_was_read_in_the_order_asked_for_is_taken() -> None:
    """The two least occupied were read for this rule; what was read by idleness may be more occupied than others."""
    slots = [_slot(1, idle=9, share=0), _slot(2, idle=8, share=1), _slot(3, idle=0, share=3), _slot(4, idle=1, share=2)]
    waiting = [_waiting(number, at=number, rule="least_occupied") for number in range(3)]
    made, leaves_more = decide(waiting, slots, FITS_ALL, rows=2)
    assert leaves_more
    assert _told(made) == [(UUID(int=1000), UUID(int=2001)), (UUID(int=1001), UUID(int=2002))]
    assert len(_decided(waiting, slots, FITS_ALL)) == 3


# --- the rules, one by one --------------------------------------------------------------------------------------------

FITS_ALL: Fits = {(demand, profile): 3 for demand in DEMANDS for profile in PROFILES}


def test_priority_goes_before_the_wait_and_the_id_settles_ties() -> None:
    waiting = [_waiting(1, at=0), _waiting(2, at=9, priority=1), _waiting(4, at=0), _waiting(3, at=0)]
    free = [_slot(number, session=number % 4, idle=number) for number in range(4)]
    assert [pair.contact.id.int - 1000 for pair in _decided(waiting, free, FITS_ALL)] == [2, 1, 3, 4]


def test_the_longest_idle_or_the_most_proficient_is_preferred() -> None:
    verdicts = {(DEMANDS[0], PROFILES[0]): 3, (DEMANDS[0], PROFILES[1]): 5}
    free = [_slot(1, profile=0, idle=0), _slot(2, profile=1, idle=9)]
    for rule, chosen in (("longest_idle", 2001), ("most_proficient", 2002)):
        (pair,) = _decided([_waiting(1, rule=rule)], free, verdicts)
        assert (pair.slot.id.int, pair.candidates) == (chosen, 2)


@pytest.mark.parametrize(
    ("rule", "figure"), [("least_occupied", "share"), ("fewest_contacts", "served"), ("round_robin", "turn")]
)
def test_a_rule_prefers_by_its_figure_then_by_idleness_then_by_the_id(rule: str, figure: str) -> None:
    figures: list[Fields] = [{"idle": 0, figure: 2}, {"idle": 5, figure: 1}, {"idle": 3, figure: 1}]
    free = [_slot(number, session=number % 4, **one) for number, one in enumerate([*figures, figures[-1]])]
    waiting = [_waiting(number, at=number, rule=rule) for number in range(4)]
    assert [pair.slot.id.int - 2000 for pair in _decided(waiting, free, FITS_ALL)] == [2, 3, 1, 0]


def test_an_affinity_waits_for_its_agent_and_holds_up_nobody() -> None:
    waiting = [_waiting(1, only=2), _waiting(2, at=5)]
    others, theirs = [_slot(1, session=0)], [_slot(2, session=2, idle=9)]
    assert _told(_decided(waiting, others, FITS_ALL)) == [(UUID(int=1002), UUID(int=2001))]
    (pair, _) = _decided(waiting, others + theirs, FITS_ALL)
    assert (pair.contact.id.int, pair.slot.id.int, pair.candidates) == (1001, 2002, 1)
    assert _told(_decided([_waiting(1, only=2, demand=3)], theirs, {})) == []


def test_one_who_can_be_served_by_nobody_does_not_hold_up_the_next() -> None:
    verdicts = {(DEMANDS[1], PROFILES[0]): 1}
    made = _decided([_waiting(1, demand=0), _waiting(2, demand=1, at=5)], [_slot(1)], verdicts)
    assert _told(made) == [(UUID(int=1002), UUID(int=2001))]


def test_an_excluded_agent_is_left_out_for_this_contact_only() -> None:
    waiting = [_waiting(1, excluded=frozenset({0})), _waiting(2, at=5)]
    made = _decided(waiting, [_slot(1, session=0)], FITS_ALL)
    assert _told(made) == [(UUID(int=1002), UUID(int=2001))]
