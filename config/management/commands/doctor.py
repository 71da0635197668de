"""``manage.py doctor``: what is missing or unhealthy, in plain words."""

from __future__ import annotations

import sys
from typing import Any

from django.core.management.base import BaseCommand

from config.doctor import Verdict, examine


class Command(BaseCommand):
    """Prints one line for each check; the exit status is 1 when something is wrong."""

    help = "Say what is missing or unhealthy on this machine, and what to do about it."
    requires_system_checks = ()

    def handle(self, *args: Any, **options: Any) -> None:
        """Examine and report."""
        wrong = 0
        for finding in examine():
            wrong += finding.verdict is Verdict.WRONG
            self.stdout.write(f"{finding.verdict.value:<5}  {finding.subject}: {finding.sentence}")
        self.stdout.write(f"{wrong} wrong" if wrong else "all well")
        if wrong:
            sys.exit(1)
