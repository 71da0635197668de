"""``manage.py engine``: due timers, sweep, mending, relay, records, ratings, presence, partitions. Two may run.

Each duty reports its own progress, as ``engine.timers`` and so on (`config.health.ALLOWED_S` says how often it must):
one that fails or hangs is seen although the others go on.
"""

from __future__ import annotations

import logging
import signal
import threading
import time
from collections.abc import Callable
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand

from agents.public import sweep_presence
from billing.public import ask_for_ratings
from config.runs import told_run
from reporting.public import keep_records
from routing.public import mend, sweep
from tenants.public import (
    Relay,
    Teller,
    ensure_partitions,
    fire_due_timers,
    process_name,
    report_progress,
    seconds_to_next_timer,
    tell_system,
    with_retries,
)

log = logging.getLogger(__name__)

LONGEST_SLEEP_S = 0.1
RELAY_PAUSE_S = 0.1  # few messages cost less than many, and nobody sees the difference
SWEEP_EVERY_S = 1.0
MEND_EVERY_S = 5.0
RATINGS_EVERY_S = 1.0
RECORDS_EVERY_S = 1.0  # what is written down at once costs less than one by one
PRESENCE_EVERY_S = 5.0
PARTITIONS_EVERY_S = 3600.0
REPORT_EVERY_S = 1.0


class Command(BaseCommand):
    """Runs what nobody asks for. It needs PostgreSQL only; the relay also Valkey."""

    help = __doc__ or ""

    def handle(self, *args: Any, **options: Any) -> None:
        """Run until a signal says stop."""
        stop = threading.Event()
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, lambda *_: stop.set())
        holder = process_name()
        relay, teller = Relay(holder=holder), Teller()
        threads = [
            threading.Thread(target=_repeat, args=(name, duty, stop), name=name)
            for name, duty in duties(relay, teller).items()
        ]
        with told_run("engine"):
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
            relay.release()
            teller.close()


def duties(relay: Relay, teller: Teller) -> dict[str, Callable[[], float]]:
    """Return what is to be done again and again; each answers how many seconds it may then rest."""
    return {
        "timers": _timers,
        "sweep": _sweep,
        "mend": _mend,
        "relay": lambda: _relay(relay),
        "records": lambda: _records(teller),
        "ratings": _ratings,
        "presence": _presence,
        "partitions": _partitions,
    }


def _repeat(name: str, duty: Callable[[], float], stop: threading.Event) -> None:
    """Do `duty` again and again, resting as long as it says; its failure is logged and it is done again."""
    pause, reported = 0.0, float("-inf")
    while not stop.wait(pause):
        try:
            pause = with_retries(duty)
            if time.monotonic() - reported >= REPORT_EVERY_S:
                report_progress(f"engine.{name}", node=settings.HOTSEAT_NODE)
                reported = time.monotonic()
        except Exception:
            # One duty's trouble must not end the others'; readiness shows that it makes no progress.
            log.exception("the engine's duty failed", extra={"duty": name})
            pause = SWEEP_EVERY_S


def _timers() -> float:
    # Most of the time none is due, which is asked in one statement.
    seconds = seconds_to_next_timer()
    if seconds == 0:
        fire_due_timers()
    return min(LONGEST_SLEEP_S, seconds)


def _sweep() -> float:
    sweep()
    return SWEEP_EVERY_S


def _relay(relay: Relay) -> float:
    fence = relay.fence
    relayed = relay.step()
    if relay.fence not in (None, fence):
        tell_system("lease.taken", node=settings.HOTSEAT_NODE, lease="relay", fence=relay.fence)
    # A rest each time: what happens meanwhile is told in one message to each tenant, not in many.
    return RELAY_PAUSE_S if relayed < relay.most_at_once else 0.0


def _records(teller: Teller) -> float:
    keep_records(teller)
    return RECORDS_EVERY_S


def _ratings() -> float:
    ask_for_ratings()
    return RATINGS_EVERY_S


def _mend() -> float:
    mend()
    return MEND_EVERY_S


def _presence() -> float:
    sweep_presence()
    return PRESENCE_EVERY_S


def _partitions() -> float:
    ensure_partitions()
    return PARTITIONS_EVERY_S
