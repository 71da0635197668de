"""The arithmetic of prices: pure, exact, in `Decimal`. The rules and their reasons are in docs/rating.md."""

import datetime as dt
from calendar import monthrange
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Context, Decimal
from typing import TypeVar

LINE_PLACES = Decimal("0.000001")
TOTAL_PLACES = Decimal("0.01")
SECONDS_PER_MINUTE = 60
MS_PER_SECOND = 1000
_EXACT = Context(prec=60)

T = TypeVar("T")


def round_line(amount: Decimal) -> Decimal:
    """Round to the six places of a usage line, halves away from zero."""
    return amount.quantize(LINE_PLACES, rounding=ROUND_HALF_UP, context=_EXACT)


def round_total(amount: Decimal) -> Decimal:
    """Round to the two places of a grand total, halves away from zero. Done once, on the exact sum of the lines."""
    return amount.quantize(TOTAL_PLACES, rounding=ROUND_HALF_UP, context=_EXACT)


def candidate_prefixes(number: str) -> list[str]:
    """Return every prefix that could price `number` (E.164 or ""), the longest first, the default "" last."""
    return [number[:length] for length in range(len(number), 1, -1)] + [""]


def longest_prefix(number: str, rates: Mapping[str, T]) -> T | None:
    """Return the rate whose prefix is the longest that `number` begins with; None if not even a default is there."""
    return next((rates[prefix] for prefix in candidate_prefixes(number) if prefix in rates), None)


def whole_seconds(metered_ms: int) -> int:
    """Return the metered time in seconds, a begun second counted whole."""
    return -(-metered_ms // MS_PER_SECOND)


def billed_seconds(seconds: int, *, initial: int, increment: int) -> int:
    """Return the seconds billed for `seconds` on the line: `initial` at least, then whole steps of `increment`."""
    if seconds == 0:
        return 0
    steps = -(-max(seconds - initial, 0) // increment)
    return initial + steps * increment


@dataclass(frozen=True, slots=True)
class Charge:
    """What metered time costs. `at_minimum`: fee and time came to less than the minimum charge, which is taken."""

    seconds: int
    amount: Decimal
    at_minimum: bool = False


def charge(
    metered_ms: int,
    *,
    price_per_minute: Decimal,
    connection_fee: Decimal,
    initial: int,
    increment: int,
    minimum: Decimal = Decimal(0),
) -> Charge:
    """Price metered time: connection fee and time, `minimum` at least.

    Nothing metered costs nothing, neither the connection fee nor the minimum.
    """
    seconds = billed_seconds(whole_seconds(metered_ms), initial=initial, increment=increment)
    if seconds == 0:
        return Charge(seconds=0, amount=round_line(Decimal(0)))
    time = _EXACT.divide(_EXACT.multiply(price_per_minute, Decimal(seconds)), Decimal(SECONDS_PER_MINUTE))
    amount = round_line(_EXACT.add(connection_fee, time))
    if amount < minimum:
        return Charge(seconds=seconds, amount=round_line(minimum), at_minimum=True)
    return Charge(seconds=seconds, amount=amount)


@dataclass(frozen=True, slots=True)
class RentDay:
    """One day of rent: the `nth` day that the lease has in a month of `days` days."""

    day: dt.date
    nth: int
    days: int
    amount: Decimal


def rent_of_day(monthly: Decimal, *, first_day: dt.date, day: dt.date) -> RentDay:
    """Return what `day` of a lease that began on `first_day` costs, given the rent of a whole month.

    The n days of a lease in one month together cost round(monthly × n / days of the month), whatever n is: a day's
    amount is the difference of two such sums. So a full month costs the month's price to the last place.
    """
    days = monthrange(day.year, day.month)[1]
    month_began = day.replace(day=1)
    nth = (day - max(first_day, month_began)).days + 1
    return RentDay(day=day, nth=nth, days=days, amount=_rent(monthly, nth, days) - _rent(monthly, nth - 1, days))


def _rent(monthly: Decimal, nth: int, days: int) -> Decimal:
    return round_line(_EXACT.divide(_EXACT.multiply(monthly, Decimal(nth)), Decimal(days)))


def sum_exactly(amounts: Iterable[Decimal]) -> Decimal:
    """Return the sum without rounding."""
    total = Decimal(0)
    for amount in amounts:
        total = _EXACT.add(total, amount)
    return total
