"""What must be so after the worst of days, looked at from outside (SIPp's logs) and from inside (rows, the exchange).

Each function returns what is wrong, in words; nothing wrong is an empty list.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar
from uuid import UUID

from django.db.models import QuerySet

from agents.public import Slot
from deploy.lab import exchange
from deploy.lab.exchange import Lab
from deploy.lab.sipp_log import FarCall
from routing.models import Contact, ContactParty, Leg, Offer, Participation, Segment, SlotHold, SwitchCommand
from routing.states import LIVE_OFFER, CommandState, ContactState, EndReason
from tenants.models import Timer
from tenants.public import Event, Tenant, engine_scope, tenant_scope
from tests.chaos.crowd import digits, number_of
from tests.waiting import looks

TOLERANCE_S = 1.0
_Row = TypeVar("_Row", Offer, Participation, Segment)


@dataclass(frozen=True)
class Served:
    """One contact and all that is on record of it."""

    contact: Contact
    number: str
    offers: Sequence[Offer]
    parts: Sequence[Participation]
    segments: Sequence[Segment]
    caller_leg: Leg
    endings: int


def on_record(tenant: Tenant) -> list[Served]:
    """Every contact of the tenant, in order of arrival."""
    with tenant_scope(tenant.id, read_only=True):
        parties = dict(ContactParty.objects.values_list("contact_id", "ani"))
    with engine_scope(read_only=True):
        contacts = list(Contact.objects.filter(tenant=tenant).select_related("interaction").order_by("arrived_at"))
        offers = _by_contact(Offer.objects.filter(tenant=tenant).order_by("offered_at"))
        parts = _by_contact(Participation.objects.filter(tenant=tenant).order_by("joined_at"))
        segments = _by_contact(Segment.objects.filter(tenant=tenant).order_by("started_at", "id"))
        legs = {leg.channel_id: leg for leg in Leg.objects.filter(interaction__contacts__tenant=tenant)}
        endings = Counter(
            Event.objects.filter(tenant=tenant, type="contact.ended").values_list("aggregate_id", flat=True)
        )
    return [
        Served(
            contact,
            digits(parties[contact.id]),
            offers[contact.id],
            parts[contact.id],
            segments[contact.id],
            legs[contact.caller_channel],
            endings[contact.id],
        )
        for contact in contacts
    ]


def _by_contact(rows: Iterable[_Row]) -> dict[UUID, list[_Row]]:
    found: dict[UUID, list[_Row]] = defaultdict(list)
    for row in rows:
        found[row.contact_id].append(row)
    return found


def wrong_with_calls(tenant: Tenant, callers: Sequence[FarCall], agent_legs: Sequence[FarCall]) -> list[str]:
    """Compare each caller's own view of the call, and the telephones', with what is on record.

    For callers who waited to be answered: each is one contact, ended once, handled by one agent (or abandoned, when the
    caller left first), and metered and recorded for as long as the line was answered.
    """
    records: dict[str, list[Served]] = defaultdict(list)
    for one in on_record(tenant):
        records[one.number].append(one)
    rings = Counter(number_of(leg) for leg in agent_legs)
    problems = []
    for far in callers:
        number = number_of(far)
        found = records.pop(number, [])
        if len(found) != 1:
            problems.append(f"{number}: {len(found)} contacts on record")
            continue
        problems += [f"{number}: {problem}" for problem in _wrong_with(found[0], far, rings[number])]
    return problems


def _wrong_with(served: Served, far: FarCall, rings: int) -> list[str]:
    contact, problems = served.contact, []
    if contact.state != ContactState.ENDED or served.endings != 1:
        problems.append(f"{contact.state}, ended {served.endings} times")
    if rings > len(served.offers):
        problems.append(f"telephones rang {rings} times for {len(served.offers)} offers")
    if not _gave_up(served, far) and (
        far.final_status != 200 or contact.end_reason != EndReason.HANDLED or len(served.parts) != 1
    ):
        problems.append(f"answered {far.final_status}, {contact.end_reason}, served {len(served.parts)} times")
        return problems
    recorded = served.caller_leg
    figures = {
        "metered": (contact.metered_ms or 0) / 1000,
        "recorded": (recorded.ended_at - recorded.answered_at).total_seconds()
        if recorded.ended_at and recorded.answered_at
        else -1.0,
    }
    problems += [
        f"{seconds:.2f} s {figure}, {far.talk_seconds:.2f} s at the far end"
        for figure, seconds in figures.items()
        if abs(seconds - far.talk_seconds) > TOLERANCE_S
    ]
    gaps = [
        f"{before.kind} to {after.kind}"
        for before, after in zip(served.segments, served.segments[1:], strict=False)
        if before.ended_at != after.started_at
    ]
    return [*problems, *(f"a gap in the record: {gap}" for gap in gaps)]


def _gave_up(served: Served, far: FarCall) -> bool:
    """Whether the caller hung up before an agent was there: an answer that a dying worker left without its agent."""
    reasons = (EndReason.ABANDONED, EndReason.SHORT_ABANDONED)
    return far.ended_by == "self" and served.contact.end_reason in reasons and not served.parts


def left_over(lab: Lab) -> list[str]:
    """What should be gone when every call is over: in the rows of all tenants, and in the exchange."""
    with engine_scope(read_only=True):
        rows: dict[str, QuerySet[Any]] = {
            "contacts": Contact.objects.exclude(state=ContactState.ENDED),
            "offers": Offer.objects.filter(state__in=LIVE_OFFER),
            "parts": Participation.objects.filter(left_at__isnull=True),
            "legs": Leg.objects.filter(ended_at__isnull=True),
            "slots held": Slot.objects.filter(held=True),
            "holds": SlotHold.objects.all(),
            "commands": SwitchCommand.objects.filter(state__in=(CommandState.PENDING, CommandState.BEGUN)),
            "leases of offers": Timer.objects.filter(kind="offer-lease"),
        }
        counts = {what: found.count() for what, found in rows.items()}
    counts["channels"] = len(_of_exchange(lab, "/channels"))
    counts["bridges"] = len(_of_exchange(lab, "/bridges"))
    return [f"{count} {what} left" for what, count in counts.items() if count]


def settles(lab: Lab, *, within_s: float, every_s: float = 0.05) -> list[str]:
    """Wait until nothing is left over, and return what is left at last."""
    left: list[str] = []
    for _ in looks(within_s=within_s, every_s=every_s):
        if not (left := left_over(lab)):
            break
    return left


def _of_exchange(lab: Lab, path: str) -> Sequence[object]:
    found = exchange.ari(lab, "GET", path)
    return found if isinstance(found, list) else []
