"""``manage.py demo``: the demo's tenants, and what there is to know of them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser

from config import checkout
from config.demo.build import build
from config.demo.enterprises import ENTERPRISES
from config.demo.lab import plug_in
from config.demo.passwords import Secrets
from config.demo.reset import reset
from config.demo.story import script, tell
from config.env import read
from tenants.public import HotseatError


class Command(BaseCommand):
    """Makes what is missing of the demo, and writes ``demo.json`` and ``simulation.json`` to the state folder."""

    help = "Make the demo's tenants, or what is missing of them."

    def add_arguments(self, parser: CommandParser) -> None:
        """``--reset`` begins anew."""
        parser.add_argument("--reset", action="store_true", help="remove the demo's tenants first, with all their data")

    def handle(self, *args: Any, **options: Any) -> None:
        """Make the demo and tell of it. Passwords that were told before stay the same."""
        state = Path(settings.HOTSEAT_VAR_DIR)
        secrets = Secrets(checkout.read_json(state / "demo.json"))
        try:
            if options["reset"]:
                gone = reset([plan.slug for plan in ENTERPRISES])
                self.stdout.write(f"removed {gone} tenants of the demo")
            ids = build(ENTERPRISES, secrets)
        except HotseatError as error:
            raise CommandError(f"{error.message} {error.data or ''}".strip()) from error
        environment = read()
        host = "127.0.0.1" if environment["HOTSEAT_BIND"] in {"0.0.0.0", "::"} else environment["HOTSEAT_BIND"]  # noqa: S104 - compared, not bound
        story = tell(ENTERPRISES, ids, secrets, base_url=f"http://{host}:{environment['HOTSEAT_PORT']}")
        checkout.write_json(state / "demo.json", story)
        checkout.write_json(state / "simulation.json", script(ENTERPRISES))
        plug_in(story)
        self.stdout.write(f"{len(ENTERPRISES)} tenants; names and passwords are in {state / 'demo.json'}")
