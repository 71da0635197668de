"""``manage.py rebuild_records``: the records made anew from the event log, or compared with it."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from reporting.public import LogGapError, rebuild_records
from tenants.public import find_tenant, tenant_ids


class Command(BaseCommand):
    """May be run at any time, beside everything else, and as often as one likes."""

    help = "Make call records, agents' service records and all that follows from them anew from the event log."

    def add_arguments(self, parser: CommandParser) -> None:
        """Whose, and whether only to look."""
        parser.add_argument("--tenant", default="", help="the code of one tenant; all without it")
        parser.add_argument(
            "--check", action="store_true", help="change nothing; fail when a row is not what the log says"
        )

    def handle(self, *args: Any, tenant: str, check: bool, **options: Any) -> None:
        """Say how many rows were not as they should be."""
        try:
            wrong = sum(rebuild_records(tenant_id, check=check) for tenant_id in _wanted(tenant))
        except LogGapError as gap:
            raise CommandError(f"The log does not tell the whole story: {gap}") from gap
        if check and wrong:
            raise CommandError(f"{wrong} rows are not what the log says. Without --check they are made anew.")
        self.stdout.write(f"{wrong} rows were made anew." if wrong else "Every row is what the log says.")


def _wanted(slug: str) -> list[Any]:
    if not slug:
        return list(tenant_ids())
    tenant = find_tenant(slug)
    if tenant is None:
        raise CommandError(f"There is no tenant “{slug}”.")
    return [tenant.id]
