"""A line explains itself in words from which its amount can be worked out, in both languages."""

import datetime as dt
from decimal import Decimal
from typing import Any

import pytest
from django.utils import translation

from billing.explain import explain
from billing.models import UsageLine
from billing.services.corrections import correct_line
from billing.services.rating import rate_contact
from billing.services.rerating import carry_out_rerating, order_rerating
from tests.billing.rows import add_price, change_prices, lines_of, make_table
from tests.contact_rows import make_contact
from tests.factories import ACTOR, make_tenant


def line_of(ms: int = 37_200, **terms: Any) -> UsageLine:
    tenant = make_tenant()
    add_price(make_table(tenant), "+44", "0.0123", **terms)
    contact = make_contact(tenant, ani="+447700900001", metered_ms=ms)
    return rate_contact(tenant_id=tenant.id, contact_id=contact.id)


SIX = {"initial_seconds": 6, "increment_seconds": 6}
FEE = {"connection_fee": Decimal("0.05")}
MARCH = {"first_day": dt.date(2026, 3, 1)}


@pytest.mark.parametrize(
    ("terms", "english", "chinese"),
    [
        (
            {**SIX, **FEE, **MARCH},
            "0.012300 per minute × 7 increments of 6 s (42 s ÷ 60) + connection fee 0.050000 = 0.058610 EUR",
            "每分钟 0.012300 × 7 个 6 秒计费单位（42 秒 ÷ 60） + 接通费 0.050000 = 0.058610 EUR",
        ),
        (
            {"initial_seconds": 60, "increment_seconds": 60},
            "0.012300 per minute × 1 increment of 60 s (60 s ÷ 60) = 0.012300 EUR",
            "每分钟 0.012300 × 1 个 60 秒计费单位（60 秒 ÷ 60） = 0.012300 EUR",
        ),
        (
            {"initial_seconds": 30, "increment_seconds": 6},
            "0.012300 per minute × (first 30 s + 2 increments of 6 s = 42 s) ÷ 60 = 0.008610 EUR",
            "每分钟 0.012300 × （首段 30 秒 + 2 个 6 秒计费单位 = 42 秒）÷ 60 = 0.008610 EUR",
        ),
        (
            {},
            "0.012300 per minute × 38 s ÷ 60 = 0.007790 EUR",
            "每分钟 0.012300 × 38 秒 ÷ 60 = 0.007790 EUR",
        ),
        (
            {"minimum_charge": Decimal("0.1"), **FEE},
            "minimum charge 0.100000 EUR, as 0.012300 per minute × 38 s ÷ 60 + connection fee 0.050000 is less",
            "最低收费 0.100000 EUR，因 每分钟 0.012300 × 38 秒 ÷ 60 + 接通费 0.050000 低于此数",
        ),
    ],
)
def test_minutes(terms: dict[str, Any], english: str, chinese: str) -> None:
    line = line_of(**terms)

    with translation.override("en"):
        assert explain(line).startswith(english)
    with translation.override("zh-hans"):
        assert explain(line).startswith(chinese)
        assert "“Standard”中与该号码匹配的最长前缀" in explain(line)


def test_the_whole_sentence() -> None:
    terms: dict[str, Any] = {**SIX, **FEE, **MARCH}
    line = line_of(**terms)

    with translation.override("en"):
        assert explain(line) == (
            "0.012300 per minute × 7 increments of 6 s (42 s ÷ 60) + connection fee 0.050000 = 0.058610 EUR; +44 is "
            "the longest prefix of “Standard” that fits the number, its price from March 1, 2026 on; 37.2 s on the "
            "line, billed 6 s at least, then in steps of 6 s"
        )


def test_corrections_by_hand_and_by_the_tariff() -> None:
    tenant = make_tenant()
    make_table(tenant, {"": "0.6"})
    for _ in range(2):
        line = rate_contact(tenant_id=tenant.id, contact_id=make_contact(tenant, metered_ms=60_000).id)
    correct_line(tenant_id=tenant.id, line_id=line.id, amount=Decimal("0.25"), reason="agreed", actor=ACTOR)
    change_prices(tenant, "0.3")
    day = line.occurred_on
    order = order_rerating(tenant_id=tenant.id, first_day=day, last_day=day, reason="tariff", actor=ACTOR)
    carry_out_rerating(tenant_id=tenant.id, rerating_id=order.id)
    _first, _second, by_hand, by_tariff = lines_of(tenant)

    with translation.override("en"):
        assert explain(by_hand) == "correction of the line of March 10, 2026: 0.250000 − 0.600000 = -0.350000 EUR"
        assert explain(by_tariff).startswith(
            "correction of the line of March 10, 2026: 0.300000 − 0.600000 = -0.300000 EUR; rated again: 0.300000 per "
            "minute × 60 s ÷ 60 = 0.300000 EUR; default of “Standard”, as the number is hidden or unknown"
        )
    with translation.override("zh-hans"):
        assert explain(by_hand) == "更正 2026年3月10日的明细：0.250000 − 0.600000 = -0.350000 EUR"
        assert "；重新批价：每分钟 0.300000 × 60 秒 ÷ 60 = 0.300000 EUR" in explain(by_tariff)


def test_a_line_from_before_prices_had_days_still_explains_itself() -> None:
    line = line_of()
    for name in ("from", "minimum_charge", "at_minimum", "rate_id"):
        del line.explanation[name]

    with translation.override("en"):
        assert explain(line) == (
            "0.012300 per minute × 38 s ÷ 60 = 0.007790 EUR; +44 is the longest prefix of “Standard” that fits the "
            "number; 37.2 s on the line, begun seconds count whole"
        )
