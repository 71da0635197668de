"""One call from its arrival until its agent is free, through the services that the switch's reports go to."""

from __future__ import annotations

import time
from datetime import UTC, datetime

from routing.models import Offer
from routing.node.handling import handle
from routing.services.situation import bridge_id
from routing.switch.port import Cause, LegAnswered, LegBridged, LegEnded
from tenants.public import engine_scope, uuid7
from tests.routing.calls import NODE, arrived


def cycle(number: str) -> float:
    """Enqueue (with the pass that offers), accept, connect, end, free. The agents are enough: nobody waits.

    Returns how many milliseconds passed from the report of the call until its offer was committed.
    """
    caller = f"caller-{uuid7()}"
    began = time.perf_counter()
    handle(arrived(number, channel=caller), node=NODE)
    delay_ms = (time.perf_counter() - began) * 1000
    with engine_scope(read_only=True):
        offer = Offer.objects.get(contact__caller_channel=caller)
    agent = offer.leg_channel
    handle(LegAnswered(channel=agent, at=datetime.now(UTC)), node=NODE)
    handle(LegAnswered(channel=caller, at=datetime.now(UTC)), node=NODE)
    bridge = bridge_id(offer.id)
    handle(LegBridged(channel=agent, bridge=bridge, members=(caller, agent), at=datetime.now(UTC)), node=NODE)
    for channel in (caller, agent):
        ended = LegEnded(channel=channel, at=datetime.now(UTC), cause=Cause.NORMAL_CLEARING, sip_status=None)
        handle(ended, node=NODE)
    return delay_ms
