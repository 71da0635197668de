"""What is read of a record and what is inferred: written out on a few rows made up for it."""

from __future__ import annotations

import gzip
from datetime import date
from pathlib import Path

import pytest

from tests.replay import presence, record
from tests.replay.day import Day
from tests.replay.figures import lines_of
from tests.replay.presence import Member
from tests.replay.record import Call, RecordError

pytestmark = pytest.mark.nodb

HEAD = "date,type,priority,customer,ivr_start,ivr_end,queue_start,queue_end,outcome,service_start,service_end,agent\n"
DAY = date(1999, 8, 2)


def written(folder: Path, *rows: str) -> Path:
    path = folder / "record.csv.gz"
    with gzip.open(path, "wt", encoding="utf-8") as file:
        file.write(HEAD + "".join(f"1999-08-02,{row}\n" for row in rows))
    return path


def served(at_s: int, *, wait_s: int = 0, service_s: int, agent: str, kind: str = "PS") -> Call:
    return Call(kind, False, at_s, wait_s, True, agent, at_s + wait_s, service_s, 1e6)


def test_a_call_comes_when_it_joins_the_queue_or_leaves_the_voice_response_unit(tmp_path: Path) -> None:
    path = written(
        tmp_path,
        "PS,2,,9:00:00,9:00:10,9:00:11,9:00:41,AGENT,9:00:40,9:02:40,A01",
        "NW,0,,9:05:00,9:05:10,,,AGENT,9:05:09,9:06:09,A01",
    )
    first, second = record.read(path)[DAY]
    assert (first.at_s, first.wait_s, first.began_s, first.service_s) == (32_411, 30, 32_440, 120)
    assert (first.type, first.credited, first.agent, first.served) == ("PS", True, "A01", True)
    assert (second.at_s, second.wait_s, second.service_s, second.credited) == (32_710, 0, 60, False)


def test_who_never_asked_for_an_agent_is_left_out(tmp_path: Path) -> None:
    path = written(
        tmp_path,
        "PS,0,,9:00:00,9:00:10,,,HANG,,,",
        "PS,0,,9:00:00,9:00:10,9:00:10,9:01:10,PHANTOM,9:01:10,9:01:12,",
        "PS,0,,9:10:00,9:10:10,9:10:10,9:11:10,HANG,,,",
    )
    (call,) = record.read(path)[DAY]
    assert (call.served, call.wait_s, call.patience_s) == (False, 60, 60)


def test_who_was_served_would_have_waited_longer(tmp_path: Path) -> None:
    rows = [f"PS,0,,9:{minute:02d}:00,9:{minute:02d}:00,9:{minute:02d}:00,9:{minute:02d}:30," for minute in range(60)]
    path = written(tmp_path, *(f"{row}AGENT,10:00:00,10:01:00,A01" for row in rows), f"{rows[0]}HANG,,,")
    calls = record.read(path)[DAY]
    assert all(call.patience_s > call.wait_s for call in calls if call.served)
    assert record.read(path)[DAY] == calls, "what is drawn is drawn from a seed"


def test_a_service_over_midnight_is_no_negative_one(tmp_path: Path) -> None:
    path = written(tmp_path, "PS,0,,23:58:00,23:58:10,,,AGENT,23:59:50,0:00:20,A01")
    (call,) = record.read(path)[DAY]
    assert call.service_s == 30


@pytest.mark.parametrize("row", ["PS,0,,9:00,9:00,,,AGENT,9:05:09,9:06:09,A01", "PS,0,,,,x:1:2,,HANG,,,"])
def test_a_line_that_cannot_be_read_is_named(tmp_path: Path, row: str) -> None:
    with pytest.raises(RecordError, match="line 2"):
        record.read(written(tmp_path, row))


def test_a_file_of_another_form_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "other.csv"
    path.write_text("date,kind\n", encoding="utf-8")
    with pytest.raises(RecordError, match="no column"):
        record.read(path)


def test_an_agent_is_there_from_the_first_service_to_the_last() -> None:
    calls = [served(100, service_s=50, agent="A01"), served(1_000, service_s=50, agent="A01")]
    assert presence.infer(calls) == [Member("A01", frozenset({"PS"}), ((100, 1_050),))]


def test_who_is_idle_while_somebody_waits_is_not_there() -> None:
    calls = [
        served(100, service_s=50, agent="A01"),
        served(400, wait_s=550, service_s=50, agent="A01"),
        served(2_000, service_s=50, agent="A01"),
    ]
    (member,) = presence.infer(calls)
    assert member.present == ((100, 150), (950, 2_050))


def test_who_waits_for_something_else_is_no_sign_of_absence() -> None:
    calls = [
        served(100, service_s=50, agent="A01"),
        served(300, wait_s=600, service_s=50, agent="A02", kind="IN"),
        served(1_000, service_s=50, agent="A01"),
    ]
    first, second = presence.infer(calls)
    assert first.present == ((100, 1_050),)
    assert second == Member("A02", frozenset({"IN"}), ((900, 950),))


def test_a_skill_is_what_is_more_than_an_exception() -> None:
    often = [served(100 * number, service_s=50, agent="A01") for number in range(1, 31)]
    others = [served(100 * number, service_s=50, agent="A02", kind="IN") for number in range(1, 31)]
    once = served(5_000, service_s=50, agent="A01", kind="IN")
    assert [member.skills for member in presence.infer([*often, *others, once])] == [{"PS"}, {"IN"}]


def test_a_rare_type_is_served_by_who_served_it() -> None:
    often = [served(100 * number, service_s=50, agent="A01") for number in range(1, 31)]
    (member,) = presence.infer([*often, served(5_000, service_s=50, agent="A01", kind="PE")])
    assert member.skills == {"PE", "PS"}


def test_figures_are_of_all_who_called_and_of_the_time_there() -> None:
    calls = [
        served(0, service_s=900, agent="A01"),
        Call("PS", False, 600, 60, False, "", None, 100, 60.0),
        served(1_700, service_s=100, agent="A01"),
    ]
    day = Day.of(DAY, calls, [(True, 0.0), (True, 300.0), (True, 0.0)])
    every = lines_of([day])[0]
    assert (every.calls, every.record.wait_s, every.replay.wait_s) == (3, 20.0, 100.0)
    assert (every.record.gave_up, every.replay.gave_up) == (1 / 3, 0.0)
    # There for 1,800 s.
    assert (every.record.occupancy, every.replay.occupancy) == (1_000 / 1_800, 1_100 / 1_800)
