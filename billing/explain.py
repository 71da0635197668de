"""How an amount came about, in words: a usage line's explanation in the reader's language."""

import datetime as dt
from collections.abc import Callable
from decimal import Decimal
from typing import Any

from django.utils.formats import date_format
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from billing.models import UsageLine
from routing.public import Direction


def plain(number: Decimal) -> str:
    """Return a price or a quantity without trailing zeros and never in scientific form."""
    text = f"{number:f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def explain(line: UsageLine) -> str:
    """Return one sentence from which the line's amount can be worked out again."""
    return _RULES[line.explanation["rule"]](line, line.explanation)


def _metered(facts: dict[str, Any]) -> str:
    return _("%(seconds)s s on the line") % {"seconds": plain(Decimal(facts["metered_ms"]) / 1000)}


def _minutes(line: UsageLine, facts: dict[str, Any]) -> str:
    return "; ".join((_sum(line, facts), _because(facts), f"{_metered(facts)}, {_steps(facts)}"))


def _sum(line: UsageLine, facts: dict[str, Any]) -> str:
    """The arithmetic of a line of minutes, from the price to the amount."""
    terms = {
        "price": f"{line.unit_price:.6f}",
        "time": _billed(line, facts),
        "fee": facts["connection_fee"],
        "amount": f"{line.amount:.6f}",
        "currency": line.currency,
    }
    if facts.get("at_minimum"):
        # Told without the sum, which is less.
        if Decimal(facts["connection_fee"]):
            terms["sum"] = _("%(price)s per minute × %(time)s + connection fee %(fee)s") % terms
        else:
            terms["sum"] = _("%(price)s per minute × %(time)s") % terms
        return _("minimum charge %(amount)s %(currency)s, as %(sum)s is less") % terms
    if Decimal(facts["connection_fee"]):
        return _("%(price)s per minute × %(time)s + connection fee %(fee)s = %(amount)s %(currency)s") % terms
    return _("%(price)s per minute × %(time)s = %(amount)s %(currency)s") % terms


def _billed(line: UsageLine, facts: dict[str, Any]) -> str:
    """The billed time as it was counted: seconds, or the first step and the increments after it."""
    seconds, first, further = int(line.quantity), facts["initial_seconds"], facts["increment_seconds"]
    if first == further == 1:
        return _("%(seconds)s s ÷ 60") % {"seconds": seconds}
    if first == further:
        count = seconds // further
        text = ngettext(
            "%(count)s increment of %(step)s s (%(seconds)s s ÷ 60)",
            "%(count)s increments of %(step)s s (%(seconds)s s ÷ 60)",
            count,
        )
        return text % {"count": count, "step": further, "seconds": seconds}
    count = (seconds - first) // further
    text = ngettext(
        "(first %(first)s s + %(count)s increment of %(step)s s = %(seconds)s s) ÷ 60",
        "(first %(first)s s + %(count)s increments of %(step)s s = %(seconds)s s) ÷ 60",
        count,
    )
    return text % {"first": first, "count": count, "step": further, "seconds": seconds}


def _because(facts: dict[str, Any]) -> str:
    terms = {"table": facts["table"], "prefix": facts["prefix"]}
    if facts["hidden"]:
        why = _("default of “%(table)s”, as the number is hidden or unknown") % terms
    elif not facts["prefix"]:
        why = _("default of “%(table)s”, as no prefix fits the number") % terms
    elif facts["direction"] == Direction.OUTBOUND:
        why = _("%(prefix)s is the longest prefix of “%(table)s” that fits the number called") % terms
    else:
        why = _("%(prefix)s is the longest prefix of “%(table)s” that fits the number") % terms
    if "from" not in facts:  # written before prices had days
        return why
    return _("%(why)s, its price from %(day)s on") % {"why": why, "day": _day(facts["from"])}


def _day(text: str) -> str:
    return date_format(dt.date.fromisoformat(text), "DATE_FORMAT")


def _steps(facts: dict[str, Any]) -> str:
    first, further = facts["initial_seconds"], facts["increment_seconds"]
    if first == further == 1:
        return _("begun seconds count whole")
    return _("billed %(first)s s at least, then in steps of %(further)s s") % {"first": first, "further": further}


def _by_hand(line: UsageLine, facts: dict[str, Any]) -> str:
    terms = {
        "day": _day(facts["day"]),
        "right": facts["right"],
        "before": facts["before"],
        "currency": line.currency,
        "difference": f"{line.amount:+.6f}",
    }
    return _("correction of the line of %(day)s: %(right)s − %(before)s = %(difference)s %(currency)s") % terms


def _rerated(line: UsageLine, facts: dict[str, Any]) -> str:
    now = UsageLine(
        unit_price=Decimal(facts["unit_price"]),
        quantity=Decimal(facts["quantity"]),
        amount=Decimal(facts["right"]),
        currency=line.currency,
        explanation=facts["now"],
    )
    return _("%(correction)s; rated again: %(now)s") % {"correction": _by_hand(line, facts), "now": explain(now)}


def _seats(line: UsageLine, facts: dict[str, Any]) -> str:
    return _(
        "%(seats)s seats × %(price)s a month: day %(nth)s of this lease in a month of %(days)s days, "
        "%(amount)s %(currency)s"
    ) % {**_rent(line, facts), "seats": facts["seats"]}


def _number(line: UsageLine, facts: dict[str, Any]) -> str:
    return _(
        "%(number)s at %(price)s a month: day %(nth)s of this lease in a month of %(days)s days, "
        "%(amount)s %(currency)s"
    ) % {**_rent(line, facts), "number": facts["number"]}


def _rent(line: UsageLine, facts: dict[str, Any]) -> dict[str, Any]:
    return {
        "price": f"{line.unit_price:.6f}",
        "nth": facts["nth"],
        "days": facts["days"],
        "amount": f"{line.amount:.6f}",
        "currency": line.currency,
    }


def _test(line: UsageLine, facts: dict[str, Any]) -> str:
    return _("%(metered)s, free of charge: a test") % {"metered": _metered(facts)}


def _unanswered(line: UsageLine, facts: dict[str, Any]) -> str:
    return _("free of charge: the call was never answered")


def _own(line: UsageLine, facts: dict[str, Any]) -> str:
    return _("%(metered)s, free of charge: the provider's own service") % {"metered": _metered(facts)}


_RULES: dict[str, Callable[[UsageLine, dict[str, Any]], str]] = {
    "minutes": _minutes,
    "seats": _seats,
    "number": _number,
    "test": _test,
    "unanswered": _unanswered,
    "own": _own,
    "corrected": _by_hand,
    "rerated": _rerated,
}
