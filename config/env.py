"""Configuration from the environment: every variable, its type, its default and its meaning in one table.

``read`` checks the whole environment and raises one error that lists everything wrong at once. What a checkout made
by ``make setup`` knows itself (its embedded services, its generated secrets, both under ``var/``) stands in for
variables that are not set; on a server, which has no such files, the same variables are required.

``python -m config.env`` prints the table as Markdown; ``docs/configuration.md`` is that output.
"""

from __future__ import annotations

import ipaddress
import os
import zoneinfo
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from config import checkout

REQUIRED = object()
# Read by the Makefile's tools, the tests and the lab; never by the product.
OTHER_PREFIXES = ("HOTSEAT_TEST_", "HOTSEAT_LAB_", "HOTSEAT_BENCH_")


class EnvironmentInvalid(Exception):
    """The environment is wrong; ``problems`` has one plain sentence for each fault."""

    def __init__(self, problems: list[str]) -> None:
        self.problems = problems
        super().__init__("The configuration is wrong:\n" + "\n".join(f"  - {problem}" for problem in problems))


@dataclass(frozen=True, kw_only=True)
class Variable:
    """One environment variable. ``parse`` raises ValueError with a sentence's end: "must be …"."""

    name: str
    parse: Callable[[str], Any]
    help: str
    default: object = REQUIRED
    shown_default: str | None = None


def text(raw: str) -> str:
    return raw


def choice(*allowed: str) -> Callable[[str], str]:
    def parse(raw: str) -> str:
        if raw not in allowed:
            raise ValueError(f"must be one of {', '.join(allowed)}")
        return raw

    return parse


def boolean(raw: str) -> bool:
    if raw.lower() not in {"1", "0", "true", "false", "yes", "no"}:
        raise ValueError("must be 1 or 0")
    return raw.lower() in {"1", "true", "yes"}


def integer(low: int, high: int) -> Callable[[str], int]:
    def parse(raw: str) -> int:
        if not raw.strip().isdecimal() or not low <= int(raw) <= high:
            raise ValueError(f"must be a whole number from {low} to {high}")
        return int(raw)

    return parse


def listed(raw: str) -> list[str]:
    return [part.strip() for part in raw.split(",") if part.strip()]


def networks(raw: str) -> list[ipaddress.IPv4Network | ipaddress.IPv6Network]:
    try:
        return [ipaddress.ip_network(part) for part in listed(raw)]
    except ValueError as error:
        raise ValueError(f"must be IP addresses or networks, separated by commas ({error})") from error


def url(*schemes: str) -> Callable[[str], str]:
    def parse(raw: str) -> str:
        parts = urlsplit(raw)
        try:
            usable = parts.scheme in schemes and bool(parts.hostname) and parts.port != 0
        except ValueError:
            usable = False
        if not usable:
            raise ValueError(f"must be a URL like {schemes[0]}://host:port/…")
        return raw

    return parse


def secret(raw: str) -> str:
    if len(raw) < 32:
        raise ValueError("must have at least 32 characters")
    return raw


def time_zone(raw: str) -> str:
    try:
        zoneinfo.ZoneInfo(raw)
    except (zoneinfo.ZoneInfoNotFoundError, ValueError) as error:
        raise ValueError("must be an IANA time zone like Asia/Shanghai") from error
    return raw


def folder(raw: str) -> Path:
    path = Path(raw)
    if not path.is_absolute():
        raise ValueError("must be an absolute path")
    return path


VARIABLES: tuple[Variable, ...] = (
    Variable(
        name="DATABASE_URL",
        parse=url("postgresql", "postgres"),
        shown_default="the embedded PostgreSQL of this checkout",
        help="The PostgreSQL server (15 to 18) and the name of the database. The roles below are used with this host, "
        "port and name. A user and password in it must be an administrator's; only `python -m config.services up` uses "
        "them, to create the roles and the database, so leave them out for the running processes.",
    ),
    Variable(
        name="REDIS_URL",
        parse=url("redis", "rediss"),
        shown_default="the embedded Valkey of this checkout",
        help="Valkey or Redis: channel layer and Celery's broker. Holds nothing that cannot be rebuilt.",
    ),
    Variable(
        name="HOTSEAT_SERVICES",
        parse=choice("auto", "system", "wheels"),
        default="auto",
        help="Where embedded services come from when the URLs above are not set: the system's own programs, the wheels "
        "in the virtual environment, or whichever is there, the system's first.",
    ),
    Variable(
        name="HOTSEAT_VAR_DIR",
        parse=folder,
        default=checkout.STATE,
        shown_default="`var/` in the checkout",
        help="Folder for all state kept outside the database: logs, sounds, secrets, data of the embedded services.",
    ),
    Variable(
        name="HOTSEAT_OWNER_PASSWORD",
        parse=text,
        shown_default="generated by `make setup`",
        help="Password of the database role `hotseat_owner` (migrations only).",
    ),
    Variable(
        name="HOTSEAT_APP_PASSWORD",
        parse=text,
        shown_default="generated by `make setup`",
        help="Password of the database role `hotseat_app` (one tenant's scope at a time).",
    ),
    Variable(
        name="HOTSEAT_ENGINE_PASSWORD",
        parse=text,
        shown_default="generated by `make setup`",
        help="Password of the database role `hotseat_engine` (routing tables of all tenants).",
    ),
    Variable(
        name="HOTSEAT_SECRET_KEY",
        parse=secret,
        shown_default="generated by `make setup`",
        help="Signs sessions and tokens. Changing it signs everybody out.",
    ),
    Variable(
        name="HOTSEAT_HASH_KEY",
        parse=secret,
        shown_default="generated by `make setup`",
        help="Key of the hash under which routing tables know a calling number. Changing it forgets who called before.",
    ),
    Variable(
        name="HOTSEAT_DEBUG",
        parse=boolean,
        default=False,
        shown_default="0",
        help="Django's debug pages. Never on a server.",
    ),
    Variable(
        name="HOTSEAT_BIND",
        parse=text,
        default="127.0.0.1",
        help="Address that the web process listens on.",
    ),
    Variable(
        name="HOTSEAT_PORT",
        parse=integer(1, 65535),
        default=8000,
        help="Port that the web process listens on.",
    ),
    Variable(
        name="HOTSEAT_ALLOWED_HOSTS",
        parse=listed,
        default=["127.0.0.1", "localhost", "[::1]"],
        shown_default="127.0.0.1,localhost,[::1]",
        help="Host names that the site answers to, separated by commas.",
    ),
    Variable(
        name="HOTSEAT_TRUSTED_ORIGINS",
        parse=listed,
        default=[],
        shown_default="none",
        help="Origins (`https://host`) that may send forms when a proxy ends TLS, separated by commas.",
    ),
    Variable(
        name="HOTSEAT_TRUSTED_PROXIES",
        parse=networks,
        default=[],
        shown_default="none",
        help="Addresses or networks whose `X-Forwarded-For` and `X-Forwarded-Proto` are believed.",
    ),
    Variable(
        name="HOTSEAT_HTTPS",
        parse=boolean,
        default=False,
        shown_default="0",
        help="The site is reached by HTTPS only: secure cookies, HSTS, redirects.",
    ),
    Variable(
        name="HOTSEAT_LANGUAGE",
        parse=choice("en", "zh-hans"),
        default="en",
        help="Language of a visitor who has not chosen one.",
    ),
    Variable(
        name="HOTSEAT_TIME_ZONE",
        parse=time_zone,
        default="UTC",
        help="Time zone of the platform's own pages (a tenant has its own).",
    ),
    Variable(
        name="HOTSEAT_LOG_FORMAT",
        parse=choice("console", "json"),
        default="console",
        help="How log lines are written to standard error.",
    ),
    Variable(
        name="HOTSEAT_LOG_LEVEL",
        parse=choice("DEBUG", "INFO", "WARNING", "ERROR"),
        default="INFO",
        help="The least important lines that are still logged.",
    ),
    Variable(
        name="HOTSEAT_DB_POOL",
        parse=integer(1, 200),
        default=12,
        help="Most database connections that one process keeps for each role.",
    ),
    Variable(
        name="HOTSEAT_MAX_BODY_BYTES",
        parse=integer(1024, 100_000_000),
        default=1_000_000,
        help="Largest request body; a larger one is answered 413.",
    ),
    Variable(
        name="HOTSEAT_SWITCH",
        parse=choice("simulator", "asterisk"),
        default="simulator",
        help="The switch behind the switch process.",
    ),
    Variable(
        name="HOTSEAT_NODE",
        parse=text,
        default="node1",
        help="Name of the switch node that this machine's switch process serves.",
    ),
    Variable(
        name="HOTSEAT_ARI_URL",
        parse=url("http", "https"),
        default="http://127.0.0.1:8088/ari",
        help="Asterisk's REST interface.",
    ),
    Variable(name="HOTSEAT_ARI_USER", parse=text, default="hotseat", help="User of Asterisk's REST interface."),
    Variable(
        name="HOTSEAT_ARI_PASSWORD",
        parse=text,
        default="",
        shown_default="empty; required with `HOTSEAT_SWITCH=asterisk`",
        help="Password of Asterisk's REST interface.",
    ),
    Variable(
        name="HOTSEAT_SOUNDS_DIR",
        parse=folder,
        default=None,
        shown_default="`sounds/` in the state folder",
        help="Spoken prompts; the switch must be able to read it.",
    ),
)


@dataclass(frozen=True)
class Environment:
    """Checked values by variable name."""

    values: Mapping[str, Any]

    def __getitem__(self, name: str) -> Any:
        return self.values[name]


def read(environ: Mapping[str, str] | None = None, *, known: Mapping[str, str] | None = None) -> Environment:
    """Check the environment and return its values.

    ``known`` stands in for variables that are not set; by default it is what this checkout generated under its state
    folder. Raises EnvironmentInvalid with every fault.
    """
    environ = os.environ if environ is None else environ
    if known is None:
        known = checkout.known_environment(Path(environ.get("HOTSEAT_VAR_DIR") or checkout.STATE))
    values: dict[str, Any] = {}
    problems: list[str] = []
    for variable in VARIABLES:
        raw = environ.get(variable.name) or known.get(variable.name)
        if raw:
            try:
                values[variable.name] = variable.parse(raw)
            except ValueError as error:
                problems.append(f"{variable.name} {error}.")
        elif variable.default is REQUIRED:
            problems.append(f"{variable.name} is not set. Set it, or run `make setup` in a checkout.")
        else:
            values[variable.name] = variable.default
    problems += _unknown(environ) + _together(values)
    if problems:
        raise EnvironmentInvalid(problems)
    if values["HOTSEAT_SOUNDS_DIR"] is None:
        values["HOTSEAT_SOUNDS_DIR"] = values["HOTSEAT_VAR_DIR"] / "sounds"
    return Environment(values)


def _unknown(environ: Iterable[str]) -> list[str]:
    names = {variable.name for variable in VARIABLES}
    extra = sorted(
        name
        for name in environ
        if name.startswith("HOTSEAT_") and name not in names and not name.startswith(OTHER_PREFIXES)
    )
    return [f"{name} is not a variable of Hotseat; see docs/configuration.md." for name in extra]


def _together(values: Mapping[str, Any]) -> list[str]:
    problems = []
    if values.get("HOTSEAT_SWITCH") == "asterisk" and not values.get("HOTSEAT_ARI_PASSWORD"):
        problems.append("HOTSEAT_ARI_PASSWORD is not set, but HOTSEAT_SWITCH=asterisk needs it.")
    if values.get("HOTSEAT_DEBUG") and values.get("HOTSEAT_HTTPS"):
        problems.append("HOTSEAT_DEBUG=1 and HOTSEAT_HTTPS=1 exclude each other: debug pages are not for a server.")
    return problems


def markdown() -> str:
    """The table of all variables, as ``docs/configuration.md`` shows it."""
    lines = ["| variable | default | meaning |", "|---|---|---|"]
    for variable in VARIABLES:
        default = variable.shown_default if variable.shown_default is not None else str(variable.default)
        lines.append(f"| `{variable.name}` | {default} | {variable.help} |")
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    print(markdown(), end="")
