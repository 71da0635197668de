"""Corrections: what was rated wrongly is put right by further lines; no line is ever changed.

A correction refers to the line of a fact. What a fact comes to is its line and the line's corrections together. Written
under the tenant's lock of corrections, so that two at once cannot both start from the same sum; the key counts a line's
corrections, so that even without the lock one of the two would fail.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any
from uuid import UUID

from django.db.models import Count, Q, Sum
from django.utils.translation import gettext as _

from billing.locks import lock_corrections
from billing.models import UsageLine
from billing.models.usage import correction_key
from billing.pricing import round_line
from tenants.public import Conflict, Invalid, NotFound, Tenant, db_now, record_once, tenant_scope

BY_HAND, RERATED = "corrected", "rerated"
"""The rules in a correction's explanation: a person said what is right, or the rates did."""

LARGEST = Decimal(10) ** 12
"""Amounts have twelve places before the point."""

LONGEST_REASON = 200


def correct_line(*, tenant_id: UUID, line_id: UUID, amount: Decimal, reason: str, actor: str) -> UsageLine:
    """Let what a line charges for come to `amount`, by a further line of the difference; return that.

    Because `amount` is what is right and not what is added, a request that comes twice corrects once. Raises NotFound;
    Invalid without a reason or for an amount that is negative or has more than six places; Conflict: code
    "corrects-a-correction" for a line that is itself one (`line` names the one to correct), "nothing-to-correct" when
    it comes to `amount` already.
    """
    reason = reason.strip()
    _check(amount, reason)
    with tenant_scope(tenant_id, actor=actor):
        lock_corrections()
        line = UsageLine.objects.filter(id=line_id).first()
        if line is None:
            raise NotFound(_("There is no such usage line."), line=str(line_id))
        if line.corrects_id is not None:
            raise Conflict(
                _("This line is itself a correction. Correct the line that it refers to, %(line)s, once more.")
                % {"line": line.corrects_id},
                code="corrects-a-correction",
                line=str(line.corrects_id),
            )
        before = worth_of([line])[line.id].amount
        if amount == before:
            raise Conflict(
                _("The line comes to %(amount)s %(currency)s already.")
                % {"amount": f"{before:.6f}", "currency": line.currency},
                code="nothing-to-correct",
                amount=f"{before:.6f}",
            )
        made = correction(line, before=before, right=amount, reason=reason, actor=actor, rule=BY_HAND)
        write_corrections(Tenant.objects.get(id=tenant_id), {line.id: made})
        return made


@dataclass(frozen=True, slots=True)
class Worth:
    """What a line comes to with its corrections. `by_hand`: a person has corrected it."""

    amount: Decimal
    quantity: Decimal
    by_hand: bool


def worth_of(lines: Sequence[UsageLine]) -> dict[UUID, Worth]:
    """What each of these lines comes to, by its id: one query, inside the open scope."""
    sums = UsageLine.objects.filter(corrects__in=[line.id for line in lines]).order_by().values("corrects_id")
    corrected = {
        row["corrects_id"]: row
        for row in sums.annotate(
            amounts=Sum("amount"), quantities=Sum("quantity"), hands=Count("id", filter=Q(explanation__rule=BY_HAND))
        )
    }
    none = {"amounts": Decimal(0), "quantities": Decimal(0), "hands": 0}
    found = {line.id: (line, corrected.get(line.id, none)) for line in lines}
    return {
        line_id: Worth(line.amount + row["amounts"], line.quantity + row["quantities"], row["hands"] > 0)
        for line_id, (line, row) in found.items()
    }


def correction(
    line: UsageLine, *, before: Decimal, right: Decimal, reason: str, actor: str, rule: str, **facts: Any
) -> UsageLine:
    """Make, not save, the line by which what came to `before` comes to `right`. `facts` go into its explanation."""
    return UsageLine(
        kind=line.kind,
        contact_id=line.contact_id,
        outbound_call_id=line.outbound_call_id,
        seat_lease_id=line.seat_lease_id,
        number_lease_id=line.number_lease_id,
        corrects_id=line.id,
        reason=reason,
        made_by=actor,
        quantity=Decimal(0),
        unit=line.unit,
        unit_price=line.unit_price,
        amount=right - before,
        currency=line.currency,
        explanation={
            "rule": rule,
            "day": line.occurred_on.isoformat(),
            "before": f"{before:.6f}",
            "right": f"{right:.6f}",
            **facts,
        },
    )


def write_corrections(tenant: Tenant, corrections: dict[UUID, UsageLine]) -> None:
    """Number, date and insert corrections, by the ids of the lines that they correct, under the lock."""
    now = db_now()
    made = UsageLine.objects.filter(corrects__in=corrections).order_by().values("corrects_id")
    before = {row["corrects_id"]: row["count"] for row in made.annotate(count=Count("id"))}
    for line_id, each in corrections.items():
        each.key = correction_key(line_id, before.get(line_id, 0) + 1)
        each.occurred_on = now.astimezone(tenant.zone).date()
    UsageLine.objects.bulk_create(corrections.values())
    for line_id, each in corrections.items():
        record_once(
            "usage.corrected",
            tenant_id=tenant.id,
            kind="usage_line",
            subject_id=each.id,
            at=now,
            corrects=str(line_id),
            amount=str(each.amount),
            currency=each.currency,
        )


def reason_fault(reason: str) -> str:
    """Say what is wrong with a correction's reason; "" when it will do."""
    if 1 <= len(reason) <= LONGEST_REASON:
        return ""
    return _("Say why, in 1 to %(longest)s characters.") % {"longest": LONGEST_REASON}


def _check(amount: Decimal, reason: str) -> None:
    errors: dict[str, list[str]] = {}
    if not amount.is_finite() or not 0 <= amount < LARGEST:
        errors["amount"] = [_("Give what is right, from 0 on: %(amount)s is not.") % {"amount": amount}]
    elif amount != round_line(amount):
        errors["amount"] = [_("%(amount)s has more than %(places)s decimal places.") % {"amount": amount, "places": 6}]
    if fault := reason_fault(reason):
        errors["reason"] = [fault]
    if errors:
        raise Invalid(_("The correction is not valid."), code="invalid-correction", errors=errors)
