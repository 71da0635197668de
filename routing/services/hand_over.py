"""From one tenant's service to another's: one contact ends, the next begins, in the same interaction."""

import logging
from datetime import datetime
from functools import partial
from typing import Any
from uuid import UUID

from routing.eligibility import with_demands
from routing.flows import FlowState
from routing.models import CommandKind, Contact, ContactParty, EntryPoint, Leg
from routing.services.arrive import Arrival, begin_contact
from routing.services.callers import Caller
from routing.services.commands import caller_command
from routing.services.contacts import contact_unknown, end_contact_row, lock_open_contact, note, save
from routing.services.flow_steps import HAND_OVER_TIMER
from routing.states import EndReason
from tenants.public import Due, Tenant, claim_timer, db_now, drop_timer, engine_scope, tenant_scope, timer_handler

log = logging.getLogger(__name__)


def hand_over_contact(
    *, tenant_id: UUID, contact_id: UUID, service: dict[str, Any], node: str, due: Due | None = None
) -> Arrival | None:
    """End the contact as handed over and begin one of the service's tenant, whose flow is then to be started.

    `service` names the tenant's code, its entry point's code, and the state that the flow starts from. None when the
    contact is over, or when the service is gone or suspended: then the call is ended and the event says why.
    A named cross-tenant service: it copies the caller's and the called number to the next tenant, and nothing else.
    """
    interaction_id, caller = caller_of_contact(tenant_id, contact_id)
    with engine_scope(node=node):
        contact = lock_open_contact(interaction_id)
        # A timer is claimed even when the contact is over, which nobody can undo: it would stay due for ever.
        if due is not None and not claim_timer(due):
            return None
        if contact is None or contact.id != contact_id:
            return None
        now = db_now()
        drop_timer(HAND_OVER_TIMER, subject_id=contact_id)
        target = find_service(service)
        if target is None:
            log.warning("hand-over to a service that is not there", extra={"contact": str(contact_id)})
            contact.ending = EndReason.FAILED
            note("contact.hand_over_failed", contact, at=now, service=service["service"], to=service["tenant"])
            save(contact, "ending")
            caller_command(contact, CommandKind.HANG_UP, at=now)
            return None
        return Arrival.of(begin_next(contact, target, caller=caller, service=service, at=now))


def begin_next(
    contact: Contact, target: EntryPoint, *, caller: Caller, service: dict[str, Any], at: datetime
) -> Contact:
    """End the contact as handed over, and begin the next one of the target's tenant. Inner step; role engine.

    The contact is locked with its interaction. Raises DemandMissing.
    """
    end_contact_row(contact, contact.interaction, reason=EndReason.HANDED_OVER, at=at)
    return begin_contact(
        contact.interaction,
        target,
        caller=caller,
        sip_call_id=_call_id_of(contact.caller_channel),
        state=FlowState.from_json(service["state"]),
        ordinal=contact.ordinal + 1,
        at=contact.ended_at or at,
        now=at,
        language=service["language"],
    )


@timer_handler(HAND_OVER_TIMER)
def hand_over_timer(due: Due) -> None:
    """A process died between a flow's last step and the hand-over it asked for. The new flow's own timer starts it."""
    with_demands(
        partial(
            hand_over_contact, tenant_id=due.tenant_id, contact_id=due.subject_id, service=due.data, node="", due=due
        )
    )


def caller_of_contact(tenant_id: UUID, contact_id: UUID) -> tuple[UUID, Caller]:
    """Return the contact's interaction and who calls. Opens the tenant's scope; raises NotFound."""
    with tenant_scope(tenant_id, read_only=True):
        party = ContactParty.objects.select_related("contact").filter(contact_id=contact_id).first()
        if party is None:
            raise contact_unknown(contact_id)
        caller = Caller(ani=party.ani, restricted=party.ani_restricted, dnis=party.dnis, name=party.name)
        return party.contact.interaction_id, caller


def _call_id_of(channel: str) -> str:
    return Leg.objects.filter(channel_id=channel).values_list("sip_call_id", flat=True).first() or ""


def find_service(service: dict[str, Any]) -> EntryPoint | None:
    """Return the public service that is named, if callers may go there now. Inner step; role engine."""
    return (
        EntryPoint.objects.select_related("flow", "tenant")
        .filter(
            tenant__slug=service["tenant"],
            tenant__status=Tenant.Status.ACTIVE,
            code=service["service"],
            public=True,
            flow__published__isnull=False,
        )
        .first()
    )
