"""``manage.py switch``: the worker of one exchange node, or its standby."""

from __future__ import annotations

import asyncio
import signal
from argparse import ArgumentParser
from typing import Any

import uvloop
from django.conf import settings
from django.core.management.base import BaseCommand

from config.hints import listen, listening_locally
from config.runs import told_run
from config.switch_points import with_points
from config.wiring import matching_aside
from routing.public import Sounds, SwitchWorker, switch_hint
from routing.speech import SpeechCache, speech_engine
from routing.switch.ari import AriClient
from routing.switch.asterisk import AsteriskSwitch
from routing.switch.port import Switch
from routing.switch.simulator import open_simulator
from tenants.public import process_name

SIMULATION_SCRIPT = "simulation.json"


class Command(BaseCommand):
    """Reads the exchange's events, carries out switch commands, keeps both sides in agreement."""

    help = __doc__ or ""

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--node", default=settings.HOTSEAT_NODE, help="the exchange node to serve")

    def handle(self, *args: Any, node: str, **options: Any) -> None:
        """Serve until a signal says stop. Calls go on without the worker."""
        with (
            told_run("switch", node=node),
            matching_aside(),
            asyncio.Runner(loop_factory=uvloop.new_event_loop) as loop,
        ):
            loop.run(_serve(node))


async def _serve(node: str) -> None:
    worker = SwitchWorker(
        node=node,
        open_switch=lambda: open_switch(node),
        sounds=sounds(),
        holder=process_name(),
    )
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, worker.stop)
    hints = asyncio.create_task(listen(switch_hint(node), worker.wake))
    try:
        with listening_locally(switch_hint(node), worker.wake):
            await worker.run()
    finally:
        hints.cancel()


def open_switch(node: str) -> Switch:
    """Return the adapter that the configuration names."""
    if settings.HOTSEAT_SWITCH == "asterisk":
        client = AriClient(
            url=settings.HOTSEAT_ARI_URL,
            user=settings.HOTSEAT_ARI_USER,
            password=settings.HOTSEAT_ARI_PASSWORD,
        )
        return with_points(AsteriskSwitch(client=client, node=node))
    return open_simulator(script=settings.HOTSEAT_VAR_DIR / SIMULATION_SCRIPT)


def sounds() -> Sounds:
    """Return where prompts come from: espeak-ng, or silence where the exchange is simulated and nobody listens."""
    silent = settings.HOTSEAT_SWITCH == "simulator"
    engine = speech_engine("silent" if silent else "espeak-ng", switch=settings.HOTSEAT_SWITCH)
    directory = settings.HOTSEAT_SOUNDS_DIR
    return Sounds(directory=directory, speech=SpeechCache(directory, engine))
