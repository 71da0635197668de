"""``manage.py call``: make one call through the lab and tell it. ``make demo-call`` sets the stage for it."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any, TypeVar
from uuid import UUID

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from agents.public import AgentSession, Station, log_in_agent, log_out, set_ready
from billing.public import UsageLine
from config import checkout
from config.demo.narrator import Narrator
from deploy.lab import exchange
from deploy.lab.sipp import Caller, Phone, Phones, call
from deploy.lab.sipp_log import FarCall
from routing.public import Contact, ContactState, Interaction, Segment
from tenants.public import engine_scope, tenant_scope

T = TypeVar("T")
ANI = "447700900321"
KEYS = "111"
TALK_S = 8.0
PATIENCE_S = 60.0
POLL_S = 0.05
AGENT = "2002"


class Command(BaseCommand):
    """Logs an agent in, registers the phone, calls the public number, and tells what the log says."""

    help = __doc__ or ""

    def handle(self, *args: Any, **options: Any) -> None:
        """Tell one call; fails when any part of it does not come to pass."""
        story = checkout.read_json(Path(settings.HOTSEAT_VAR_DIR) / "demo.json")
        lab = exchange.load()
        if lab is None or not exchange.is_running(lab):
            raise CommandError("The lab is not running. Start it with `make lab`, or use `make demo-call`.")
        bank = story["tenants"][0]
        agent = next(row for row in bank["agents"] if row["number"] == AGENT)
        station = next(row for row in bank["stations"] if row["extension"] == agent["extension"])
        with Phones(lab, [station["endpoint"]], Phone(ring_s=1.0)) as phones:
            session = seat(UUID(bank["id"]), agent, station)
            narrator = Narrator(self.stdout)
            narrator.say(f"{agent['name']} (agent {agent['number']}) is ready at station {agent['extension']}")
            number = story["public_number"]["e164"]
            narrator.say(f"SIPp calls {number} as +{ANI} and presses {', '.join(KEYS)}")
            far, contact = make_call(lab, number.lstrip("+"), UUID(bank["id"]), narrator)
            usage = awaited("the rating by the Celery worker", lambda: usage_of(contact))
            tell_bill(narrator, contact, usage)
            (phone,) = phones.calls_to(station["endpoint"])
            log_out(tenant_id=contact.tenant_id, session_id=session.id, actor="demo-call")
        talk, metered = talk_seconds(contact), metered_seconds(contact)
        agree("talk", record=talk, sipp=phone.talk_seconds)
        agree("metered time", record=metered, sipp=far.talk_seconds)
        self.stdout.write(
            f"OK contact={contact.id} agent={agent['number']} talk={talk:.2f}s sipp={phone.talk_seconds:.2f}s "
            f"rated={usage.amount} {usage.currency}"
        )
        sys.stdout.flush()


def seat(tenant_id: UUID, agent: dict[str, Any], station: dict[str, Any]) -> AgentSession:
    """Log the agent in at the station and make them ready, once the switch has seen the phone registered."""

    def reachable() -> bool:
        with tenant_scope(tenant_id, read_only=True):
            return Station.objects.filter(endpoint=station["endpoint"], reachable=True).exists()

    awaited("the phone's registration", reachable)
    session = already_open(tenant_id, agent["number"]) or log_in_agent(
        tenant_id=tenant_id,
        number=agent["number"],
        password=agent["password"],
        ip_address="",
        extension=station["extension"],
    )
    return set_ready(tenant_id=tenant_id, session_id=session.id, actor="demo-call")


def already_open(tenant_id: UUID, number: str) -> AgentSession | None:
    """The session that a call which was cut short left open."""
    with tenant_scope(tenant_id, read_only=True):
        return AgentSession.objects.filter(agent__number=number, logged_out_at__isnull=True).first()


def make_call(lab: exchange.Lab, number: str, tenant_id: UUID, narrator: Narrator) -> tuple[FarCall, Contact]:
    """Make the call and tell what is logged of it until its last contact has ended."""
    before = last_interaction()
    with call(
        lab, Caller(to=number, number=ANI, name="Eve", keys=KEYS, gap_s=1.5, talk_s=TALK_S, patience_s=PATIENCE_S)
    ) as sipp:
        interaction = awaited("the call's arrival", lambda: interaction_after(before))

        def over() -> Contact | None:
            narrator.tell(interaction)
            contact = Contact.objects.filter(interaction_id=interaction.id, tenant_id=tenant_id).last()
            return contact if contact and contact.state == ContactState.ENDED else None

        contact = awaited("the end of the call", lambda: in_engine(over), within_s=PATIENCE_S)
        (far,) = sipp.wait(PATIENCE_S)
    in_engine(lambda: narrator.tell(interaction))
    return far, contact


def tell_bill(narrator: Narrator, contact: Contact, usage: UsageLine) -> None:
    """Tell the contact's stretches and what it costs."""
    with tenant_scope(contact.tenant_id, read_only=True):
        for segment in Segment.objects.filter(contact=contact):
            ended = segment.ended_at
            length = f"{(ended - segment.started_at).total_seconds():7.3f} s" if ended else "   runs on"
            narrator.say(f"  {segment.get_kind_display():<10} {length}", at=segment.started_at)
    narrator.say(f"rated once: {usage.quantity} {usage.unit} = {usage.amount} {usage.currency}")


def agree(what: str, *, record: float, sipp: float) -> None:
    """Raise CommandError unless the record and the far end agree to the second."""
    if abs(record - sipp) > 1:
        raise CommandError(f"{what}: SIPp counts {sipp:.2f} s, the record {record:.2f} s.")


def in_engine(work: Callable[[], T]) -> T:
    """Do a read in the engine's scope."""
    with engine_scope(read_only=True):
        return work()


def awaited(what: str, condition: Callable[[], T | None], *, within_s: float = 30.0) -> T:
    """Return the condition's first true answer; raise CommandError when it does not come in time."""
    deadline = time.monotonic() + within_s
    while not (answer := condition()):
        if time.monotonic() > deadline:
            raise CommandError(f"{what} did not come within {within_s:.0f} s.")
        time.sleep(POLL_S)
    return answer


def last_interaction() -> datetime | None:
    """When the latest interaction so far began."""
    with engine_scope(read_only=True):
        return Interaction.objects.order_by("-started_at").values_list("started_at", flat=True).first()


def interaction_after(moment: datetime | None) -> Interaction | None:
    """The first interaction that began later."""
    with engine_scope(read_only=True):
        later = Interaction.objects.filter(started_at__gt=moment) if moment else Interaction.objects.all()
        return later.order_by("started_at").first()


def usage_of(contact: Contact) -> UsageLine | None:
    """The contact's line on the statement."""
    with tenant_scope(contact.tenant_id, read_only=True):
        return UsageLine.objects.filter(contact_id=contact.id).first()


def talk_seconds(contact: Contact) -> float:
    """Seconds of talk on record."""
    with tenant_scope(contact.tenant_id, read_only=True):
        rows = Segment.objects.filter(contact=contact, kind="talk", ended_at__isnull=False)
        return sum(((row.ended_at - row.started_at).total_seconds() for row in rows if row.ended_at), start=0.0)


def metered_seconds(contact: Contact) -> float:
    """Metered seconds of all contacts of the call: the caller's leg from answer to end."""
    with engine_scope(read_only=True):
        rows = Contact.objects.filter(interaction_id=contact.interaction_id)
        return sum(row.metered_ms or 0 for row in rows) / 1000
