"""Corrections are further lines: who, why, of which line; once, and never of a correction."""

import threading
from decimal import Decimal
from typing import Any

import psycopg
import pytest
from django.db import IntegrityError, connections

from billing.models import UsageLine
from billing.services import corrections
from billing.services.corrections import correct_line, worth_of
from billing.services.rating import rate_contact
from tenants.public import Conflict, Invalid, NotFound, Tenant, tenant_scope, uuid7
from tests.billing.rows import lines_of, make_table
from tests.contact_rows import make_contact
from tests.factories import ACTOR, make_tenant
from tests.threads import at_once


def rated(tenant: Tenant, seconds: int = 60) -> UsageLine:
    make_table(tenant, {"": "0.6"})
    return rate_contact(tenant_id=tenant.id, contact_id=make_contact(tenant, metered_ms=seconds * 1000).id)


def correct(tenant: Tenant, line: UsageLine, amount: str, reason: str = "no voice") -> UsageLine:
    return correct_line(tenant_id=tenant.id, line_id=line.id, amount=Decimal(amount), reason=reason, actor=ACTOR)


def worth(tenant: Tenant, line: UsageLine) -> Decimal:
    with tenant_scope(tenant.id, read_only=True):
        return worth_of([line])[line.id].amount


def test_a_correction_is_a_line_that_says_what_why_and_who() -> None:
    tenant = make_tenant()
    line = rated(tenant)

    made = correct(tenant, line, "0.25", reason="  no voice for half of it ")

    assert (made.amount, made.corrects_id, made.reason, made.made_by) == (
        Decimal("-0.35"),
        line.id,
        "no voice for half of it",
        ACTOR,
    )
    assert (made.contact_id, made.kind, made.currency, made.quantity) == (
        line.contact_id,
        "minutes",
        "EUR",
        Decimal(0),
    )
    first, second = lines_of(tenant)
    assert (first.id, first.amount, first.explanation) == (line.id, Decimal("0.6"), line.explanation)
    assert second.id == made.id
    assert worth(tenant, line) == Decimal("0.25")
    with tenant_scope(tenant.id, read_only=True), connections["default"].cursor() as cursor:
        cursor.execute(
            "SELECT actor, data->>'corrects', data ? 'reason' FROM tenants_event WHERE type = 'usage.corrected'"
        )
        assert cursor.fetchall() == [(ACTOR, str(line.id), False)]


def test_a_line_may_be_corrected_again_from_what_it_comes_to() -> None:
    tenant = make_tenant()
    line = rated(tenant)

    amounts = [correct(tenant, line, amount).amount for amount in ("0", "0.9", "0.6")]

    assert amounts == [Decimal("-0.6"), Decimal("0.9"), Decimal("-0.3")]
    assert [each.key for each in lines_of(tenant)[1:]] == [f"correction:{line.id}:{n}" for n in (1, 2, 3)]


def test_a_correction_of_a_correction_is_refused_and_names_the_line_to_correct() -> None:
    tenant = make_tenant()
    line = rated(tenant)
    made = correct(tenant, line, "0.5")

    with pytest.raises(Conflict) as refused:
        correct(tenant, made, "0.4")

    assert (refused.value.code, refused.value.data) == ("corrects-a-correction", {"line": str(line.id)})
    assert len(lines_of(tenant)) == 2


def test_the_same_correction_twice_corrects_once() -> None:
    tenant = make_tenant()
    line = rated(tenant)
    correct(tenant, line, "0.5")

    with pytest.raises(Conflict) as refused:
        correct(tenant, line, "0.500")

    assert (refused.value.code, refused.value.data) == ("nothing-to-correct", {"amount": "0.500000"})
    assert worth(tenant, line) == Decimal("0.5")


def test_eight_people_at_once_correct_once() -> None:
    tenant = make_tenant()
    line = rated(tenant)

    def work() -> str:
        try:
            return f"{correct(tenant, line, '0.1').amount:.1f}"
        except Conflict as refused:
            return refused.code

    outcomes = at_once([work] * 8)

    assert sorted(outcomes) == ["-0.5", *["nothing-to-correct"] * 7]
    assert worth(tenant, line) == Decimal("0.1")


RIVALS = (
    "INSERT INTO billing_usageline (id, tenant_id, key, kind, contact_id, corrects_id, reason, made_by, occurred_on,"
    " quantity, unit, unit_price, amount, currency, explanation, created_at) VALUES (%s, %s, %s, 'minutes', %s, %s,"
    " 'x', 'y', '2026-03-10', 0, 'second', 1, -0.5, 'EUR', '{}', now())"
)
BLOCKED = "SELECT count(*) FROM pg_locks WHERE NOT granted"


def correct_beside_a_rival(tenant: Tenant, line: UsageLine, url: str, *, locked: bool) -> list[str]:
    """Correct a line while another connection has written its first correction, to 0.1, and not committed yet."""
    outcomes: list[str] = []

    def work() -> None:
        try:
            correct(tenant, line, "0.1")
        except (Conflict, IntegrityError) as error:
            outcomes.append(str(error))
        finally:
            connections.close_all()

    with psycopg.connect(url) as rival, psycopg.connect(url, autocommit=True) as watch:
        if locked:
            lock = f"billing.corrections {tenant.id}"
            rival.execute("SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))", [lock])
        rival.execute(RIVALS, [uuid7(), tenant.id, f"correction:{line.id}:1", line.contact_id, line.id])
        thread = threading.Thread(target=work)
        thread.start()
        while thread.is_alive() and watch.execute(BLOCKED).fetchone() == (0,):
            thread.join(0.01)
        rival.commit()
        thread.join()
    return outcomes


def test_who_comes_second_waits_and_starts_from_what_the_first_has_written(admin_database_url: str) -> None:
    tenant = make_tenant()
    line = rated(tenant)

    outcomes = correct_beside_a_rival(tenant, line, admin_database_url, locked=True)

    assert outcomes == ["The line comes to 0.100000 EUR already."]
    assert worth(tenant, line) == Decimal("0.1")


def test_without_the_lock_the_key_keeps_two_from_starting_at_the_same_sum(
    monkeypatch: pytest.MonkeyPatch, admin_database_url: str
) -> None:
    monkeypatch.setattr(corrections, "lock_corrections", lambda: None)
    tenant = make_tenant()
    line = rated(tenant)

    (outcome,) = correct_beside_a_rival(tenant, line, admin_database_url, locked=False)

    assert "usage_once" in outcome
    assert worth(tenant, line) == Decimal("0.1")


@pytest.mark.parametrize(
    ("amount", "reason", "fields"),
    [
        ("0.1", " ", ["reason"]),
        ("0.1", "x" * 201, ["reason"]),
        ("-0.1", "why", ["amount"]),
        ("0.1234567", "why", ["amount"]),
        ("NaN", "why", ["amount"]),
        ("1E+12", "", ["amount", "reason"]),
    ],
)
def test_what_is_not_valid_is_told_whole_and_nothing_is_written(amount: str, reason: str, fields: list[str]) -> None:
    tenant = make_tenant()
    line = rated(tenant)

    with pytest.raises(Invalid) as refused:
        correct(tenant, line, amount, reason=reason)

    assert sorted(refused.value.data["errors"]) == fields
    assert len(lines_of(tenant)) == 1


def test_another_tenants_line_does_not_exist() -> None:
    tenant, other = make_tenant(), make_tenant()
    line = rated(other)

    with pytest.raises(NotFound):
        correct(tenant, line, "0")

    assert len(lines_of(other)) == 1


@pytest.mark.parametrize(
    "fields", [{"reason": "why"}, {"made_by": ACTOR}, {"corrects": True, "reason": "why"}, {"corrects": True}]
)
def test_the_database_wants_a_corrections_reason_and_maker_and_none_of_others(fields: dict[str, Any]) -> None:
    tenant = make_tenant()
    line = rated(tenant)
    values = {name: getattr(line, name) for name in ("kind", "contact_id", "occurred_on", "quantity", "unit")}
    if fields.pop("corrects", False):
        fields["corrects_id"] = line.id

    with pytest.raises(IntegrityError, match="usage_correction_says_why_and_who"), tenant_scope(tenant.id):
        UsageLine.objects.create(key="x", unit_price=1, amount=1, currency="EUR", explanation={}, **values, **fields)


def test_a_correction_cannot_point_into_another_tenant() -> None:
    tenant, other = make_tenant(), make_tenant()
    line, foreign = rated(tenant), rated(other)

    with pytest.raises(IntegrityError, match="billing_usageline_corrects_id_tenant_fk"), tenant_scope(tenant.id):
        UsageLine.objects.create(
            key="x",
            kind="minutes",
            contact_id=line.contact_id,
            corrects_id=foreign.id,
            reason="why",
            made_by=ACTOR,
            occurred_on=line.occurred_on,
            quantity=0,
            unit="second",
            unit_price=1,
            amount=1,
            currency="EUR",
            explanation={},
        )
