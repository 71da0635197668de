"""The arithmetic of prices, against naive oracles."""

import datetime as dt
from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from billing.pricing import (
    billed_seconds,
    charge,
    longest_prefix,
    rent_of_day,
    round_line,
    round_total,
    sum_exactly,
    whole_seconds,
)

pytestmark = pytest.mark.nodb

prices = st.decimals(min_value=0, max_value=10**9, places=6)
numbers = st.one_of(st.just(""), st.from_regex(r"\+[1-3][0-3]{2,8}", fullmatch=True))
prefixes = st.one_of(st.just(""), st.from_regex(r"\+[1-3][0-3]{0,5}", fullmatch=True))
HALF_A_MICRO = Fraction(1, 2_000_000)


@given(number=numbers, offered=st.sets(prefixes))
def test_the_longest_prefix_wins(number: str, offered: set[str]) -> None:
    fitting = [prefix for prefix in offered if number.startswith(prefix)]

    found = longest_prefix(number, {prefix: prefix for prefix in offered})

    assert found == (max(fitting, key=len) if fitting else None)


@given(seconds=st.integers(0, 10_000), initial=st.integers(1, 120), increment=st.integers(1, 120))
def test_steps_cover_the_call_and_not_one_step_more(seconds: int, initial: int, increment: int) -> None:
    billed = billed_seconds(seconds, initial=initial, increment=increment)

    if seconds == 0:
        assert billed == 0
    elif seconds <= initial:
        assert billed == initial
    else:
        assert billed >= seconds > billed - increment
        assert (billed - initial) % increment == 0


@pytest.mark.parametrize(("ms", "seconds"), [(0, 0), (1, 1), (999, 1), (1000, 1), (1001, 2), (60_000, 60)])
def test_a_begun_second_counts_whole(ms: int, seconds: int) -> None:
    assert whole_seconds(ms) == seconds


@given(ms=st.integers(0, 10**8), price=prices, fee=prices)
def test_an_amount_is_the_exact_price_to_half_a_millionth(ms: int, price: Decimal, fee: Decimal) -> None:
    cost = charge(ms, price_per_minute=price, connection_fee=fee, initial=1, increment=1)

    exact = Fraction(fee) + Fraction(price) * cost.seconds / 60 if cost.seconds else Fraction(0)
    assert abs(Fraction(cost.amount) - exact) <= HALF_A_MICRO
    assert cost.amount.as_tuple().exponent == -6


@given(ms=st.integers(0, 10**7), price=prices, fee=prices, minimum=prices)
def test_the_minimum_is_taken_when_fee_and_time_come_to_less(
    ms: int, price: Decimal, fee: Decimal, minimum: Decimal
) -> None:
    terms = {"price_per_minute": price, "connection_fee": fee}
    plain = charge(ms, **terms, initial=60, increment=6)
    cost = charge(ms, **terms, initial=60, increment=6, minimum=minimum)

    assert cost.seconds == plain.seconds
    assert cost.amount == (max(plain.amount, minimum) if ms else 0)
    assert cost.at_minimum == (ms > 0 and plain.amount < minimum)


@pytest.mark.parametrize(
    ("steps", "seconds", "billed"),
    [
        ((60, 60), 1, 60), ((60, 60), 60, 60), ((60, 60), 61, 120),
        ((6, 6), 1, 6), ((6, 6), 6, 6), ((6, 6), 37, 42),
        ((1, 1), 1, 1), ((1, 1), 37, 37), ((60, 6), 61, 66), ((30, 1), 31, 31), ((1, 60), 2, 61),
    ],
)  # fmt: skip
def test_the_steps_of_the_trade(steps: tuple[int, int], seconds: int, billed: int) -> None:
    assert billed_seconds(seconds, initial=steps[0], increment=steps[1]) == billed


@given(monthly=prices, first_day=st.dates(dt.date(2024, 1, 1), dt.date(2026, 12, 31)), length=st.integers(1, 90))
def test_days_of_rent_add_up_to_the_rent_of_each_month(monthly: Decimal, first_day: dt.date, length: int) -> None:
    days = [first_day + dt.timedelta(days=n) for n in range(length)]
    rents = [rent_of_day(monthly, first_day=first_day, day=day) for day in days]

    months = {(day.year, day.month) for day in days}
    for year, month in months:
        of_month = [rent for rent in rents if (rent.day.year, rent.day.month) == (year, month)]
        exact = Fraction(monthly) * len(of_month) / of_month[0].days
        total = sum_exactly(rent.amount for rent in of_month)
        assert abs(Fraction(total) - exact) <= HALF_A_MICRO
        if len(of_month) == of_month[0].days:
            assert total == monthly
    assert all(rent.amount >= 0 for rent in rents)


@given(amounts=st.lists(prices, max_size=200))
def test_a_sum_is_exact_and_rounded_once(amounts: list[Decimal]) -> None:
    exact = sum((Fraction(amount) for amount in amounts), Fraction(0))

    assert Fraction(sum_exactly(amounts)) == exact
    assert abs(Fraction(round_total(sum_exactly(amounts))) - exact) <= Fraction(1, 200)


@pytest.mark.parametrize(
    ("exact", "rounded"), [("0.0000005", "0.000001"), ("0.00000049", "0"), ("2.5000005", "2.500001")]
)
def test_halves_are_rounded_up(exact: str, rounded: str) -> None:
    assert round_line(Decimal(exact)) == Decimal(rounded)
