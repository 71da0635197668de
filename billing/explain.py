"""How an amount came about, in words: a usage line's explanation in the reader's language."""

from collections.abc import Callable
from decimal import Decimal
from typing import Any

from django.utils.translation import gettext as _

from billing.models import UsageLine


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
    terms = {
        "price": f"{line.unit_price:.6f}",
        "seconds": plain(line.quantity),
        "fee": facts["connection_fee"],
        "amount": f"{line.amount:.6f}",
        "currency": line.currency,
    }
    if Decimal(facts["connection_fee"]):
        sum_ = _("%(fee)s + %(price)s per minute × %(seconds)s s ÷ 60 = %(amount)s %(currency)s") % terms
    else:
        sum_ = _("%(price)s per minute × %(seconds)s s ÷ 60 = %(amount)s %(currency)s") % terms
    return "; ".join((sum_, _because(facts), f"{_metered(facts)}, {_steps(facts)}"))


def _because(facts: dict[str, Any]) -> str:
    terms = {"table": facts["table"], "prefix": facts["prefix"]}
    if facts["hidden"]:
        return _("default of “%(table)s”, as the number is hidden or unknown") % terms
    if not facts["prefix"]:
        return _("default of “%(table)s”, as no prefix fits the number") % terms
    return _("%(prefix)s is the longest prefix of “%(table)s” that fits the number") % terms


def _steps(facts: dict[str, Any]) -> str:
    first, further = facts["initial_seconds"], facts["increment_seconds"]
    if first == further == 1:
        return _("begun seconds count whole")
    return _("billed %(first)s s at least, then in steps of %(further)s s") % {"first": first, "further": further}


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
}
