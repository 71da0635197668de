"""Life on the simulated exchange: callers who come by chance, and telephones that are picked up or not."""

from __future__ import annotations

import asyncio
import logging
import random
from collections.abc import Coroutine
from pathlib import Path
from typing import Any

from routing.switch.port import Presentation
from routing.switch.simulation.exchange import Exchange
from routing.switch.simulation.plan import LinePlan, PhonePlan, TrafficPlan, read_plan, seeded
from routing.switch.simulation.telephones import CallerHandle, PhoneHabit, Telephone, place_call

log = logging.getLogger(__name__)

FIRST_CALL_WITHIN_S = 3.0
LOOK_AGAIN_S = 1.0


class Traffic:
    """Follows the script in a file, and the next one when the file changes; waits while there is none."""

    def __init__(self, exchange: Exchange, script: Path) -> None:
        self._exchange = exchange
        self._script = script
        self._read_at = 0
        self._keeper: asyncio.Task[None] | None = None
        self._lines: list[asyncio.Task[None]] = []

    def start(self) -> None:
        """Begin, unless it has."""
        if self._keeper is None:
            self._keeper = asyncio.create_task(self._keep(), name="simulated traffic")

    async def stop(self) -> None:
        """Place no more calls. Those that are there go on."""
        tasks = [*self._lines, *([self._keeper] if self._keeper else [])]
        self._lines, self._keeper = [], None
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _keep(self) -> None:
        while True:
            self._look()
            await asyncio.sleep(LOOK_AGAIN_S)

    def _look(self) -> None:
        """Follow the script if it is new."""
        try:
            changed_at = self._script.stat().st_mtime_ns
            if changed_at == self._read_at:
                return
            plan = read_plan(self._script)
        except FileNotFoundError:
            return
        except (OSError, ValueError) as error:
            log.warning("simulated traffic: %s", error)
            return
        self._read_at = changed_at
        self.follow(plan)

    def follow(self, plan: TrafficPlan) -> None:
        """Follow another script from now on."""
        for task in self._lines:
            task.cancel()
        wanted = {phone.endpoint for phone in plan.phones}
        for endpoint, telephone in list(self._exchange.telephones.items()):
            if endpoint not in wanted and telephone.reachable:
                self._exchange.register(telephone, reachable=False)
        for phone in plan.phones:
            self._plug_in(phone, plan.seed)
        self._lines = [
            self._exchange.spawn(self._call_again_and_again(line, f"{plan.seed}:{index}"))
            for index, line in enumerate(plan.lines)
        ]
        log.info("simulated traffic: %d numbers are called, %d phones", len(plan.lines), len(plan.phones))

    def _plug_in(self, phone: PhonePlan, seed: int) -> None:
        chance = seeded(seed, phone.endpoint)

        def habit() -> PhoneHabit:
            return phone.habit(chance)

        self._exchange.register(Telephone(self._exchange, phone.endpoint, habit))

    async def _call_again_and_again(self, line: LinePlan, seed: str) -> None:
        if line.calls_per_minute <= 0 or not line.callers:
            return
        chance = seeded(seed)
        await self._exchange.clock.sleep(chance.uniform(0, FIRST_CALL_WITHIN_S))
        number = 0
        while True:
            number += 1
            self._exchange.spawn(self._one_call(line, seeded(seed, number)))
            await self._exchange.clock.sleep(chance.expovariate(line.calls_per_minute / 60))

    def _one_call(self, line: LinePlan, chance: random.Random) -> Coroutine[Any, Any, None]:
        caller = chance.choice(line.callers)
        hidden = chance.random() < line.hidden
        handle = place_call(
            self._exchange,
            dnis=line.dnis,
            ani=caller.number,
            presentation=Presentation.RESTRICTED if hidden else None,
            name="" if hidden else caller.name,
        )
        return be_a_caller(self._exchange, handle, line, chance)


async def be_a_caller(exchange: Exchange, call: CallerHandle, line: LinePlan, chance: random.Random) -> None:
    """Wait, press the keys, wait for somebody as long as patience lasts, talk, hang up."""
    patience_s = chance.expovariate(1 / line.patience_s)
    talk_s = line.talk.draw(chance)
    pauses = [chance.uniform(*line.key_pause_s) for _ in line.keys]
    if line.keys:
        if not await call.answered(within_s=line.patience_s):
            call.hang_up()
            return
        for key, pause_s in zip(line.keys, pauses, strict=True):
            await exchange.clock.sleep(pause_s)
            call.press(key)
    while await call.joined(within_s=patience_s) and await call.parted(within_s=talk_s):
        if call.is_over:
            return
    call.hang_up()
