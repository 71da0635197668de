"""``manage.py create_tenant``: an enterprise with its first administrator."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from config.asking import ask_password
from tenants.public import HotseatError
from tenants.services.people import Person
from tenants.services.tenancy import create_tenant


class Command(BaseCommand):
    """The password is asked for, or read from standard input."""

    help = "Make an enterprise with its first administrator, whose password is one line of standard input."

    def add_arguments(self, parser: CommandParser) -> None:
        """What a tenant is made of."""
        parser.add_argument("slug", help="what agents type as the company, such as acme")
        parser.add_argument("name", help="such as “Acme Bank”")
        parser.add_argument("--admin-email", required=True)
        parser.add_argument("--admin-name", required=True)
        parser.add_argument("--seats", type=int, default=0, help="how many agents may be logged in at once")
        parser.add_argument("--time-zone", default="UTC", help="such as Asia/Shanghai")
        parser.add_argument("--language", default="en", choices=["en", "zh-hans"])
        parser.add_argument("--currency", default="EUR", help="such as CNY")

    def handle(self, *args: Any, **options: Any) -> None:
        """Make it, or say what is wrong."""
        administrator = Person(
            email=options["admin_email"],
            name=options["admin_name"],
            password=ask_password(options["admin_email"]),
        )
        values = {name: options[name] for name in ("slug", "name", "seats", "time_zone", "language", "currency")}
        try:
            tenant = create_tenant(administrator=administrator, actor="system", **values)
        except HotseatError as error:
            raise CommandError(f"{error.message} {error.data or ''}".strip()) from error
        self.stdout.write(f"{tenant.slug} {tenant.id}")
