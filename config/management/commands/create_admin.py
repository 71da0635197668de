"""``manage.py create_admin``: somebody who administers an enterprise, or who operates the platform."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from config.asking import ask_password
from tenants.public import HotseatError, Role, find_tenant
from tenants.services.people import Person, add_member


class Command(BaseCommand):
    """The password is asked for, or read from standard input; somebody who is known already keeps their own."""

    help = "Make an operator, or with --tenant an administrator; the password is one line of standard input."

    def add_arguments(self, parser: CommandParser) -> None:
        """Who, and where."""
        parser.add_argument("email")
        parser.add_argument("name")
        parser.add_argument("--tenant", default="provider", help="the enterprise's code; the provider unless given")

    def handle(self, *args: Any, **options: Any) -> None:
        """Make them, or say what is wrong."""
        tenant = find_tenant(options["tenant"])
        if tenant is None:
            raise CommandError(f"There is no tenant {options['tenant']}.")
        person = Person(email=options["email"], name=options["name"], password=ask_password(options["email"]))
        role = Role.OPERATOR if tenant.is_provider else Role.ADMINISTRATOR
        try:
            membership = add_member(tenant_id=tenant.id, person=person, role=role, actor="system")
        except HotseatError as error:
            raise CommandError(f"{error.message} {error.data or ''}".strip()) from error
        self.stdout.write(f"{membership.role} of {tenant.slug} {membership.id}")
