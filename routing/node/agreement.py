"""Keeping the database and one exchange in agreement: what reports did not say is found, told and mended."""

import contextlib
import logging
import time
from datetime import datetime
from functools import partial
from operator import attrgetter

from routing.node.clock import ExchangeClock
from routing.node.holding import NodeLease
from routing.node.reconcile import Findings, compare, last_alive, unlike_ours, with_answers
from routing.node.reports import Reports
from routing.node.threads import Threads
from routing.switch import port
from tenants.public import tell_system

log = logging.getLogger(__name__)

RECONCILE_SECONDS = 5.0


class Agreement:
    """Compares and mends one node's exchange, while the lease is good."""

    def __init__(
        self, *, lease: NodeLease, switch: port.Switch, threads: Threads, reports: Reports, clock: ExchangeClock
    ) -> None:
        self.node = lease.node
        self._lease, self._switch, self._threads = lease, switch, threads
        self._reports, self._clock = reports, clock

    async def after_silence(self, connected: port.SwitchConnected) -> None:
        """Reconcile by what was known before: legs that are gone ended when the exchange was last seen alive."""
        alive = await self._threads.report(partial(last_alive, node=self.node))
        await self._reports.apply(connected)
        await self.reconcile(last_seen=alive)

    async def reconcile(self, last_seen: datetime | None = None) -> None:
        """Compare and mend. `last_seen`: when the exchange was last alive, if it has been away since."""
        began = time.monotonic()
        try:
            channels, bridges = await self._switch.channels(), await self._switch.bridges()
            endpoints = await self._switch.endpoints()
            now = self._clock.now()
            look = partial(compare, node=self.node, channels=channels, bridges=bridges, now=now, began=began)
            found = (await self._threads.report(look)).unless(self._reports.is_told)
            ended = await self._switch.endings(found.vanished)
        except port.SwitchUnavailable:
            return
        news = await self._threads.report(partial(unlike_ours, endpoints))
        if not self._lease.is_good():
            return
        await self._tell(found)
        in_order = sorted(ended, key=attrgetter("at"))  # who hung up is who ended first
        for event in (*found.missed, *with_answers(in_order, found.answers)):
            log.info("the exchange's state says what no event did", extra={"said": type(event).__name__})
            self._reports.take(event, behind="ended" if isinstance(event, port.LegEnded) else "")
        for channel in set(found.vanished) - {event.channel for event in ended}:
            log.warning("a leg is gone, and nobody knows how it ended", extra={"channel": channel})
            self._reports.end(channel, at=last_seen or now, cause=port.Cause.NETWORK_OUT_OF_ORDER, lost=True)
        await self._take_away(found)
        for endpoint in news:
            self._reports.take(port.EndpointChanged(endpoint=endpoint.endpoint, reachable=endpoint.reachable, at=now))

    async def _tell(self, found: Findings) -> None:
        counts = {"missed": len(found.missed), "vanished": len(found.vanished), "strays": len(found.strays)}
        if any(counts.values()):
            await self._threads.report(partial(tell_system, "exchange.reconciled", node=self.node, **counts))

    async def _take_away(self, found: Findings) -> None:
        if found.empty:
            log.info("idle bridges are taken away", extra={"bridges": len(found.empty)})
        for bridge in found.empty:
            with contextlib.suppress(port.SwitchUnavailable):
                await self._switch.destroy_bridge(bridge=bridge)
        for channel in found.strays:
            self._reports.start([f"channel:{channel}"], partial(self._hang_up, channel))

    async def _hang_up(self, channel: str) -> None:
        if not self._lease.is_good():
            return
        log.warning("a leg that should be over is hung up", extra={"channel": channel})
        with contextlib.suppress(port.SwitchUnavailable):  # the next round comes to it again
            await self._switch.hang_up(channel=channel)
