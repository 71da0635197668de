"""Re-rating: the minutes of some days are priced again by the rates as they are now; what differs becomes corrections.

An order is a row, and each page of it a transaction that also moves the row on. So it may be killed anywhere, repeated
and carried out by two at once: what is done is done once, and a sweep finds what is not finished.
"""

import datetime as dt
from collections.abc import Sequence
from uuid import UUID

from django.db.models import Q, QuerySet
from django.utils.translation import gettext as _

from billing.facts import facts_of_lines
from billing.locks import lock_corrections
from billing.models import Rerating, UsageLine
from billing.pricebook import Unrated, open_price_book
from billing.services.corrections import RERATED, correction, reason_fault, worth_of, write_corrections
from tenants.public import Invalid, NotFound, db_now, record_once, tenant_scope

PAGE = 200


def order_rerating(*, tenant_id: UUID, first_day: dt.date, last_day: dt.date, reason: str, actor: str) -> Rerating:
    """Order that the minutes of these days (the tenant's, both included) be priced again; return the order.

    Nothing is written but the order: `carry_out_rerating` does it. Raises Invalid.
    """
    reason = reason.strip()
    errors = {}
    if last_day < first_day:
        errors["last_day"] = [_("The last day is before the first.")]
    if fault := reason_fault(reason):
        errors["reason"] = [fault]
    if errors:
        raise Invalid(_("The re-rating is not valid."), code="invalid-re-rating", errors=errors)
    with tenant_scope(tenant_id, actor=actor):
        order: Rerating = Rerating.objects.create(first_day=first_day, last_day=last_day, reason=reason, made_by=actor)
        record_once(
            "rerating.ordered",
            tenant_id=tenant_id,
            kind="rerating",
            subject_id=order.id,
            at=db_now(),
            first_day=first_day.isoformat(),
            last_day=last_day.isoformat(),
        )
        return order


def carry_out_rerating(*, tenant_id: UUID, rerating_id: UUID) -> Rerating:
    """Carry an order out from where it stands to its end; return it. One that is finished stays as it is.

    A line that a person has corrected keeps what the person said; one that has no price now, or one in another
    currency, keeps its amount. Both are counted. Raises NotFound.
    """
    with tenant_scope(tenant_id, read_only=True):
        order = _find(Rerating.objects.all(), rerating_id)
    while order.finished_at is None:
        with tenant_scope(tenant_id, actor=order.made_by):
            lock_corrections()
            order = _find(Rerating.objects.select_for_update(), rerating_id)
            if order.finished_at is None:
                _carry_out_page(order)
    return order


def _find(orders: QuerySet[Rerating], rerating_id: UUID) -> Rerating:
    order = orders.filter(id=rerating_id).first()
    if order is None:
        raise NotFound(_("There is no such re-rating."), rerating=str(rerating_id))
    return order


def unfinished_reratings(tenant_id: UUID) -> list[UUID]:
    """The ids of the tenant's orders that are not finished, the oldest first."""
    with tenant_scope(tenant_id, read_only=True):
        return list(Rerating.objects.filter(finished_at__isnull=True).order_by("id").values_list("id", flat=True))


def _carry_out_page(order: Rerating) -> None:
    lines = _next_lines(order)
    facts = facts_of_lines(lines)
    book = open_price_book(list(facts.values()), tenant_id=order.tenant_id)
    worth = worth_of(lines)
    corrections = {}
    for line in lines:
        if worth[line.id].by_hand:
            order.kept += 1
            continue
        now = book.price(facts[line.id])
        if isinstance(now, Unrated) or now.currency != line.currency:
            order.unpriced += 1
        elif now.amount != worth[line.id].amount:
            made = correction(
                line,
                before=worth[line.id].amount,
                right=now.amount,
                reason=order.reason,
                actor=order.made_by,
                rule=RERATED,
                rerating=str(order.id),
                quantity=str(now.quantity),
                unit_price=str(now.unit_price),
                now=now.explanation,
            )
            made.quantity = now.quantity - worth[line.id].quantity
            corrections[line.id] = made
    write_corrections(book.tenant, corrections)
    order.lines += len(lines)
    order.corrected += len(corrections)
    if len(lines) < PAGE:
        order.finished_at = db_now()
    else:
        order.after = lines[-1].id
    order.save(update_fields=["lines", "corrected", "kept", "unpriced", "after", "finished_at"])


def _next_lines(order: Rerating) -> Sequence[UsageLine]:
    """The next page of lines by day and id, as their index has them."""
    lines = UsageLine.objects.filter(
        kind=UsageLine.Kind.MINUTES, corrects__isnull=True, occurred_on__range=(order.first_day, order.last_day)
    )
    if order.after is not None:
        last = UsageLine.objects.get(id=order.after)
        lines = lines.filter(Q(occurred_on__gt=last.occurred_on) | Q(id__gt=last.id), occurred_on__gte=last.occurred_on)
    return list(lines.order_by("occurred_on", "id")[:PAGE])
