"""Opening hours follow the wall clock of the tenant, through both changes of it."""

from __future__ import annotations

from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

import pytest

from routing.flows.hours import Interval, OpeningHours, parse_interval

pytestmark = pytest.mark.nodb

BERLIN = ZoneInfo("Europe/Berlin")
SHANGHAI = ZoneInfo("Asia/Shanghai")
WORKDAY = (parse_interval(("09:00", "12:00")), parse_interval(("13:00", "17:30")))
OFFICE = OpeningHours(
    weekly=(WORKDAY,) * 5 + ((), ()),
    holidays=frozenset({date(2026, 10, 1)}),
    special_days={date(2026, 10, 10): WORKDAY, date(2026, 12, 31): (parse_interval(("09:00", "12:00")),)},
)


def every_day(start: str, end: str) -> OpeningHours:
    return OpeningHours(weekly=((parse_interval((start, end)),),) * 7, holidays=frozenset(), special_days={})


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


@pytest.mark.parametrize(
    ("local", "is_open"),
    [
        ("2026-11-23 08:59:59", False),
        ("2026-11-23 09:00:00", True),
        ("2026-11-23 11:59:59", True),
        ("2026-11-23 12:00:00", False),
        ("2026-11-23 13:00:00", True),
        ("2026-11-23 17:30:00", False),
        ("2026-11-22 10:00:00", False),
    ],
)
def test_an_interval_has_its_start_and_not_its_end(local: str, *, is_open: bool) -> None:
    assert OFFICE.is_open(datetime.fromisoformat(local).replace(tzinfo=SHANGHAI), SHANGHAI) is is_open


def test_the_day_is_the_day_in_the_tenants_zone() -> None:
    sunday_evening_in_utc = utc("2026-11-22 23:30")
    always_on_monday = OpeningHours(((Interval(0, 1440),), *((),) * 6), frozenset(), {})
    assert always_on_monday.is_open(sunday_evening_in_utc, SHANGHAI)
    assert not always_on_monday.is_open(sunday_evening_in_utc, ZoneInfo("UTC"))


def test_midnight_can_end_a_day() -> None:
    late = every_day("22:00", "24:00")
    assert late.is_open(utc("2026-06-01 21:59:59"), BERLIN)
    assert not late.is_open(utc("2026-06-01 22:00"), BERLIN)


@pytest.mark.parametrize(
    ("local", "is_open"),
    [
        ("2026-10-01 10:00", False),
        ("2026-10-10 10:00", True),
        ("2026-10-11 10:00", False),
        ("2026-12-31 11:00", True),
        ("2026-12-31 14:00", False),
    ],
)
def test_holidays_and_special_days_come_before_the_week(local: str, *, is_open: bool) -> None:
    assert OFFICE.is_open(datetime.fromisoformat(local).replace(tzinfo=SHANGHAI), SHANGHAI) is is_open


def test_the_doors_open_an_hour_earlier_by_utc_in_summer() -> None:
    nine_to_five = every_day("09:00", "17:00")
    # Clocks in Berlin go from 02:00 to 03:00 on 29 March 2026, at 01:00 UTC.
    assert not nine_to_five.is_open(utc("2026-03-28 07:59"), BERLIN)
    assert nine_to_five.is_open(utc("2026-03-28 08:00"), BERLIN)
    assert not nine_to_five.is_open(utc("2026-03-29 06:59"), BERLIN)
    assert nine_to_five.is_open(utc("2026-03-29 07:00"), BERLIN)
    assert not nine_to_five.is_open(utc("2026-03-29 15:00"), BERLIN)


def test_the_hour_that_summer_time_skips_is_never_open() -> None:
    night = every_day("02:00", "03:00")
    assert night.is_open(utc("2026-03-28 01:30"), BERLIN)
    minutes_open = [minute for minute in range(24 * 60) if night.is_open(utc(_clock("2026-03-29", minute)), BERLIN)]
    assert minutes_open == []


def test_the_hour_that_comes_twice_is_open_twice() -> None:
    night = every_day("02:00", "03:00")
    minutes_open = [minute for minute in range(24 * 60) if night.is_open(utc(_clock("2026-10-25", minute)), BERLIN)]
    assert minutes_open == list(range(120))


def test_a_time_without_a_zone_is_refused() -> None:
    with pytest.raises(ValueError, match="has no time zone"):
        OFFICE.is_open(datetime(2026, 11, 23, 10, 0), SHANGHAI)  # noqa: DTZ001 - the naive time is what is refused


def _clock(day: str, minute: int) -> str:
    return f"{day} {minute // 60:02}:{minute % 60:02}"
