"""The whole of routing on the real exchange: a switch worker and due timers in this process, tenants with phones."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from agents.public import AgentSession, Station, sweep_presence
from config.hints import listening_locally
from config.management.commands.engine import MEND_EVERY_S, PRESENCE_EVERY_S, SWEEP_EVERY_S
from deploy.lab import endpoints
from deploy.lab.exchange import Lab
from routing.models import Contact, Leg, Offer, Segment
from routing.node import Sounds, SwitchWorker
from routing.public import mend, sweep
from routing.services.commands import switch_hint
from routing.speech import SpeechCache, speech_engine
from routing.states import ContactState
from routing.switch.ari import AriClient
from routing.switch.asterisk import AsteriskSwitch
from tenants.public import Tenant, engine_scope, fire_due_timers, tenant_scope, with_retries
from tests import factories

TIMERS_EVERY_S = 0.05


@dataclass(frozen=True)
class Seated:
    """An agent logged in at a station whose phone the exchange knows."""

    session: AgentSession
    station: Station


def seat(lab: Lab, tenant: Tenant, *, ready: bool = True, skills: Mapping[str, int] = factories.SKILLS) -> Seated:
    """Log an agent in at a new station, and make its phone known to the exchange."""
    station = factories.make_station(tenant)
    endpoints.add(lab, [endpoints.Endpoint(endpoint=station.endpoint)])
    return Seated(factories.make_session(tenant, station=station, skills=skills, ready=ready), station)


@asynccontextmanager
async def working(lab: Lab, *, adapter: type[AsteriskSwitch] = AsteriskSwitch) -> AsyncIterator[SwitchWorker]:
    """Serve the exchange until the block ends, with the engine's duties that calls need."""
    directory = Path(lab.sounds_dir)
    client = partial(AriClient, url=lab.ari_url, user=lab.ari_user, password=lab.ari_password)
    worker = SwitchWorker(
        node=lab.node,
        open_switch=lambda: adapter(client=client(), node=lab.node),
        sounds=Sounds(
            directory=directory, speech=SpeechCache(directory, speech_engine("espeak-ng", switch="asterisk"))
        ),
        holder="lab-test",
    )
    with listening_locally(switch_hint(lab.node), worker.wake), _engine():
        running = asyncio.create_task(worker.run())
        try:
            yield worker
        finally:
            worker.stop()
            await running


@contextmanager
def _engine() -> Iterator[None]:
    """What `manage.py engine` does for calls, as often as it does."""
    stop = threading.Event()
    every: dict[Callable[[], object], float] = {
        fire_due_timers: TIMERS_EVERY_S,
        sweep: SWEEP_EVERY_S,
        mend: MEND_EVERY_S,
        sweep_presence: PRESENCE_EVERY_S,
    }

    def repeat(duty: Callable[[], object], pause_s: float) -> None:
        while not stop.wait(pause_s):
            with_retries(duty)

    threads = [threading.Thread(target=repeat, args=item, name=item[0].__name__) for item in every.items()]
    for thread in threads:
        thread.start()
    try:
        yield
    finally:
        stop.set()
        for thread in threads:
            thread.join()


def contacts_of(tenant: Tenant) -> list[Contact]:
    """The tenant's contacts in the order of their arrival."""
    with engine_scope(read_only=True):
        return list(Contact.objects.select_related("interaction").filter(tenant=tenant).order_by("arrived_at", "id"))


def in_state(tenant: Tenant, state: ContactState, count: int = 1) -> list[Contact]:
    """The tenant's contacts in a state, once there are so many; else none."""
    found = [contact for contact in contacts_of(tenant) if contact.state == state]
    return found if len(found) >= count else []


def record_of(contact: Contact) -> dict[str, Any]:
    """What is on record of a contact: its stretches in order, its offers, its legs."""
    with tenant_scope(contact.tenant_id, read_only=True):
        segments = list(Segment.objects.filter(contact=contact).order_by("started_at", "id"))
        offers = list(Offer.objects.filter(contact=contact).order_by("offered_at"))
    with engine_scope(read_only=True):
        legs = list(Leg.objects.filter(interaction_id=contact.interaction_id).order_by("created_at"))
    return {"segments": segments, "offers": offers, "legs": legs}


def say(text: str) -> dict[str, str]:
    """A prompt in English."""
    return {"en": text}
