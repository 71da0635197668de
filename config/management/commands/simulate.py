"""``manage.py simulate``: agents at the demo's desks, who work as people would."""

from __future__ import annotations

import logging
import signal
import threading
from pathlib import Path
from typing import Any
from uuid import UUID

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from config import checkout
from config.simulation.office import Office, Worker
from tenants.public import with_retries

log = logging.getLogger(__name__)

LOOK_EVERY_S = 0.5


class Command(BaseCommand):
    """Runs until SIGTERM or SIGINT, and then logs out the agents who are on no contact.

    After a SIGKILL the next run goes on with the sessions that it finds.
    """

    help = "Let simulated agents work at the demo's desks."

    def handle(self, *args: Any, **options: Any) -> None:
        """Open an office for each enterprise of the story, and look at each twice a second."""
        stopping = threading.Event()
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: stopping.set())
        offices = read_offices(Path(settings.HOTSEAT_VAR_DIR) / "demo.json")
        log.info("%d simulated agents in %d enterprises", sum(len(o.workers) for o in offices), len(offices))
        while not stopping.wait(LOOK_EVERY_S):
            for office in offices:
                with_retries(office.work)
        for office in offices:
            office.close()


def read_offices(story: Path) -> list[Office]:
    """Read who is simulated. Raises CommandError where there is no story."""
    told = checkout.read_json(story)
    if not told:
        raise CommandError(f"{story} is not there: run `manage.py demo` first.")
    return [
        Office(
            tenant_id=UUID(tenant["id"]),
            workers=[
                Worker(number=agent["number"], password=agent["password"], extension=agent["extension"])
                for agent in tenant["agents"]
                if agent["simulated"]
            ],
        )
        for tenant in told["tenants"]
    ]
