"""Asking for a secret at a terminal, or taking it from a pipe."""

from __future__ import annotations

import getpass
import sys

from django.core.management.base import CommandError


def ask_password(whose: str) -> str:
    """Ask twice at a terminal; else read one line of standard input. Raises CommandError when there is none."""
    if not sys.stdin.isatty():
        password = sys.stdin.readline().rstrip("\n")
    else:
        password = getpass.getpass(f"Password of {whose}: ")
        if getpass.getpass("Once more: ") != password:
            raise CommandError("The two are not the same.")
    if not password:
        raise CommandError(f"No password for {whose}: type one, or pass it as one line of standard input.")
    return password
