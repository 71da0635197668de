"""What must be true when a bad day is over: all of it ended, once; nobody is held; the exchange is empty."""

from __future__ import annotations

from itertools import pairwise
from typing import cast

from asgiref.sync import sync_to_async

from agents.public import Slot
from deploy.lab import exchange
from deploy.lab.exchange import Lab
from routing.models import Contact, Leg, Offer, Participation, Segment, SlotHold
from routing.states import LIVE_OFFER, ContactState, OfferState, SegmentKind
from tenants.public import Event, Tenant, engine_scope
from tests.waiting import eventually

SETTLED_WITHIN_S = 15.0


async def settled(lab: Lab, tenant: Tenant, contacts: int) -> list[Contact]:
    """Wait until everything of the tenant's calls is over, and return its contacts in the order of arrival."""

    def quiet() -> bool:
        unrest = [*_unrest(tenant, contacts), *_left_on(lab)]
        quiet.__name__ = f"quiet ({'; '.join(unrest[:5])})"
        return not unrest

    await eventually(quiet, within_s=SETTLED_WITHIN_S)
    await sync_to_async(assert_once)(tenant)
    return await sync_to_async(_contacts)(tenant)


def _contacts(tenant: Tenant) -> list[Contact]:
    with engine_scope(read_only=True):
        return list(Contact.objects.select_related("interaction").filter(tenant=tenant).order_by("arrived_at", "id"))


def _unrest(tenant: Tenant, contacts: int) -> list[str]:
    with engine_scope(read_only=True):
        mine = Contact.objects.filter(tenant=tenant)
        talks = Segment.objects.filter(tenant=tenant, ended_at=None).exclude(kind=SegmentKind.WRAP_UP)
        counts = {
            "contacts to come": contacts - mine.count(),
            "contacts open": mine.exclude(state=ContactState.ENDED).count(),
            "offers live": Offer.objects.filter(tenant=tenant, state__in=LIVE_OFFER).count(),
            "agents on a contact": Participation.objects.filter(tenant=tenant, left_at=None).count(),
            "slots held": Slot.objects.filter(tenant=tenant, held=True).count(),
            "holders": SlotHold.objects.filter(tenant=tenant).count(),
            "stretches running": talks.count(),
            "legs open": Leg.objects.filter(interaction__contacts__tenant=tenant, ended_at=None).distinct().count(),
        }
    return [f"{count} {what}" for what, count in counts.items() if count]


def _left_on(lab: Lab) -> list[str]:
    """What the exchange still has: channels and bridges."""
    return [
        f"{kind} {row['id']}"
        for kind in ("channels", "bridges")
        for row in cast("list[dict[str, str]]", exchange.ari(lab, "GET", f"/{kind}"))
    ]


def assert_once(tenant: Tenant) -> None:
    """Nothing is lost or doubled: one end for each contact, one part for each answered offer, no hole in the log."""
    with engine_scope(read_only=True):
        for contact in Contact.objects.filter(tenant=tenant):
            events = list(Event.objects.filter(aggregate_id=contact.id).order_by("seq").values_list("seq", "type"))
            assert [seq for seq, _ in events] == list(range(1, len(events) + 1)), events
            kinds = [kind for _, kind in events]
            assert (kinds.count("contact.arrived"), kinds.count("contact.ended")) == (1, 1), kinds
            connected = Offer.objects.filter(contact=contact, state=OfferState.CONNECTED).count()
            assert connected == kinds.count("contact.connected"), kinds
            assert connected == Participation.objects.filter(contact=contact).count()
            stretches = list(Segment.objects.filter(contact=contact).exclude(kind=SegmentKind.WRAP_UP).order_by("id"))
            for earlier, later in pairwise(stretches):
                assert earlier.ended_at == later.started_at, [(row.kind, row.started_at) for row in stretches]
            # A phone may have been rung by our clock after the caller had left by the exchange's: for no time at all.
            assert stretches[-1].ended_at <= max(contact.ended_at, stretches[-1].started_at)


def metered_s(contact: Contact) -> float:
    """The metered seconds of a contact that is over."""
    assert contact.metered_ms is not None
    return float(contact.metered_ms) / 1000


def place_of(contact: Contact) -> str:
    """The contact's place in the queue, as decisions tell it."""
    assert contact.order_at is not None
    return contact.order_at.isoformat()
