"""What is missing or unhealthy on this machine, in plain words; ``manage.py doctor`` prints it."""

from __future__ import annotations

import os
import shutil
import stat
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from django.conf import settings
from django.db import DatabaseError, ProgrammingError, connections
from django.db.migrations.executor import MigrationExecutor

from config import health
from config.name_servers import dead_name_servers
from config.services.database import APP, ENGINE, EXTENSIONS, OWNER
from config.services.programs import NEWEST_POSTGRES, OLDEST_POSTGRES
from deploy.lab import exchange
from tenants.partitions import MONTHS_AHEAD
from tenants.public import failing_timers

ROLES = {"default": APP, "engine": ENGINE, "owner": OWNER}


class Verdict(Enum):
    """How a check came out. Only WRONG makes the doctor's exit status 1."""

    WELL = "ok"
    NOTE = "note"
    WRONG = "WRONG"


@dataclass(frozen=True)
class Finding:
    """One sentence about one thing, and what to do where something is to be done."""

    subject: str
    verdict: Verdict
    sentence: str


def _well(subject: str, sentence: str) -> Finding:
    return Finding(subject, Verdict.WELL, sentence)


def _note(subject: str, sentence: str) -> Finding:
    return Finding(subject, Verdict.NOTE, sentence)


def _wrong(subject: str, sentence: str) -> Finding:
    return Finding(subject, Verdict.WRONG, sentence)


def check_database() -> Iterator[Finding]:
    """Each role can connect, is what it must be, and finds a usable server."""
    for alias, role in ROLES.items():
        try:
            with connections[alias].cursor() as cursor:
                cursor.execute(
                    "SELECT current_user, rolsuper OR rolbypassrls OR rolcreaterole,"
                    " current_setting('server_version_num')::int,"
                    " (SELECT datdba = r.oid FROM pg_database WHERE datname = current_database())"
                    " FROM pg_roles r WHERE rolname = current_user"
                )
                user, mighty, version, owns = cursor.fetchone()
        except DatabaseError as error:
            advice = "Start it with `make services-up`, or look at DATABASE_URL and the role's password."
            yield _wrong(f"role {role}", f"cannot connect: {' '.join(str(error).split())}. {advice}")
            continue
        if user != role or mighty or (owns and role != OWNER):
            yield _wrong(f"role {role}", f"is {user} and may more than it must. Run `python -m config.services up`.")
        else:
            yield _well(
                f"role {role}",
                f"connects to PostgreSQL {version // 10000}.{version % 10000}, owns no more than it must",
            )
        if not OLDEST_POSTGRES <= version // 10000 <= NEWEST_POSTGRES:
            yield _wrong("PostgreSQL", f"{version // 10000} is not one of {OLDEST_POSTGRES} to {NEWEST_POSTGRES}")


def check_extensions() -> Iterator[Finding]:
    """The extensions are there."""
    with connections["owner"].cursor() as cursor:
        cursor.execute("SELECT extname FROM pg_extension")
        missing = sorted(set(EXTENSIONS) - {row[0] for row in cursor.fetchall()})
    if missing:
        yield _wrong(
            "extensions", f"{', '.join(missing)} missing. Run `python -m config.services up` as administrator."
        )
    else:
        yield _well("extensions", f"{', '.join(EXTENSIONS)} are there")


def check_migrations() -> Iterator[Finding]:
    """Every migration has been applied."""
    executor = MigrationExecutor(connections["owner"])
    plan = executor.migration_plan(executor.loader.graph.leaf_nodes())
    if plan:
        names = ", ".join(f"{migration.app_label}.{migration.name}" for migration, _ in plan[:5])
        more = ", …" if len(plan) > 5 else ""
        advice = "`make run` applies them, or run `manage.py migrate --database owner`."
        yield _wrong("migrations", f"{len(plan)} not applied: {names}{more}. {advice}")
    else:
        yield _well("migrations", "all applied")


def check_partitions() -> Iterator[Finding]:
    """The event log has the partitions of this month and the months ahead, and nothing fell into the default one.

    Without this month's or the next one something is wrong; further ones that are missing are made within the hour.
    """
    with connections["owner"].cursor() as cursor:
        cursor.execute(
            "SELECT to_char(month, 'YYYYMM'), to_regclass('tenants_event_' || to_char(month, 'YYYYMM')) IS NOT NULL"
            " FROM (SELECT date_trunc('month', clock_timestamp() AT TIME ZONE 'UTC') + n * interval '1 month' AS month"
            " FROM generate_series(0, %s) n) months ORDER BY month",
            [MONTHS_AHEAD],
        )
        months = cursor.fetchall()
        missing = [month for month, there in months[:2] if not there]
        ahead = [month for month, there in months[2:] if not there]
        cursor.execute("SELECT count(*) FROM (SELECT 1 FROM tenants_event_default LIMIT 1000) astray")
        astray = cursor.fetchone()[0]
    if missing:
        yield _wrong("event log", f"no partition for {', '.join(missing)}. Is the engine running? It makes them ahead.")
    if astray:
        yield _wrong("event log", f"{astray} or more events lie in the default partition, outside every month's")
    if ahead:
        yield _note("event log", f"no partition yet for {', '.join(ahead)}; the engine makes it within the hour")
    if not missing and not astray and not ahead:
        yield _well("event log", f"partitions for this month and {MONTHS_AHEAD} more are there, no event astray")


def check_time_zones() -> Iterator[Finding]:
    """The clocks of all tenants are known on this machine."""
    with connections["owner"].cursor() as cursor:
        cursor.execute("SELECT DISTINCT time_zone FROM tenants_tenant")
        zones = {row[0] for row in cursor.fetchall()} | {settings.TIME_ZONE}
    unknown = sorted(zone for zone in zones if not _is_time_zone(zone))
    if unknown:
        yield _wrong("time zones", f"{', '.join(unknown)} not known here. Install Debian's package tzdata.")
    else:
        yield _well("time zones", f"{', '.join(sorted(zones))} known")


def _is_time_zone(name: str) -> bool:
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError):
        return False
    return True


def check_processes() -> Iterator[Finding]:
    """Valkey answers, every process and duty makes progress, events are passed on."""
    processes = health.process_parts(health.process_rows())
    if not any(part.ready for part in processes):
        sentence = "none makes progress: nothing runs here. Start all of it with `make run`, or the units in deploy/."
        yield _wrong("processes", sentence)
        processes = []
    for part in [health.valkey_part(), *processes]:
        advice = "" if part.ready else ". Look at its log, and start it again."
        yield (_well if part.ready else _wrong)(part.name, part.detail + advice)
    outbox = health.outbox_part()
    advice = "" if outbox.ready else ". The engine passes them on: does it run?"
    yield (_well if outbox.ready else _wrong)(outbox.name, outbox.detail + advice)


def check_timers() -> Iterator[Finding]:
    """No timer fails."""
    failing = failing_timers()
    if failing:
        kinds = ", ".join(f"{count} × {kind}" for kind, count in failing.items())
        yield _wrong("timers", f'failed, to be tried again: {kinds}. The engine\'s log says why: "a timer failed".')
    else:
        yield _well("timers", "none has failed")


def check_speech() -> Iterator[Finding]:
    """Prompts can be spoken."""
    program = shutil.which("espeak-ng")
    if program is None:
        yield _note("espeak-ng", "is not installed; flows that say a text cannot. Install Debian's package espeak-ng.")
        return
    shown = subprocess.run([program, "--voices"], capture_output=True, text=True, check=False).stdout.split()
    missing = [name for name in ("en-gb", "cmn") if name not in shown]
    if missing:
        yield _wrong("espeak-ng", f"has no voice {', '.join(missing)}. Install Debian's package espeak-ng-data.")
    else:
        yield _well("espeak-ng", "speaks English and Chinese")


def check_sounds() -> Iterator[Finding]:
    """What is spoken can be kept, and Asterisk, which runs as a user of its own, can read it."""
    folder = Path(settings.HOTSEAT_SOUNDS_DIR).resolve()
    there = next(place for place in (folder, *folder.parents) if place.is_dir())
    closed = [place for place in (there, *there.parents) if not place.stat().st_mode & stat.S_IXOTH]
    if not os.access(there, os.W_OK | os.X_OK):
        yield _wrong("sounds", f"{there} cannot be written to. Look at HOTSEAT_SOUNDS_DIR and whose it is.")
    elif closed and settings.HOTSEAT_SWITCH == "asterisk":
        advice = "Let others pass with chmod o+x, or set HOTSEAT_SOUNDS_DIR to another folder."
        yield _wrong("sounds", f"Asterisk's user cannot come to {folder}: {closed[-1]} is closed to others. {advice}")
    else:
        yield _well("sounds", f"kept in {folder}")


def check_front_end() -> Iterator[Finding]:
    """The front end's files are built."""
    folder = Path(settings.STATICFILES_DIRS[0])
    if any(folder.rglob("*.js")):
        yield _well("front end", "is built")
    else:
        npm = "" if shutil.which("npm") else " (npm is not installed; make takes it from a wheel)"
        yield _wrong("front end", f"is not built. Run `make assets`{npm}.")


def check_switch() -> Iterator[Finding]:
    """Which switch is used, and whether the lab's exchange runs."""
    lab = exchange.load()
    running = lab is not None and exchange.is_running(lab)
    if settings.HOTSEAT_SWITCH == "simulator":
        yield _note("switch", "callers and phones are simulated" + ("; the lab's Asterisk runs too" if running else ""))
    elif running or lab is None or lab.ari_url != settings.HOTSEAT_ARI_URL:
        yield _well("switch", f"Asterisk at {settings.HOTSEAT_ARI_URL}")
    else:
        yield _wrong("switch", "HOTSEAT_SWITCH=asterisk, but the lab's Asterisk does not run. Run `make lab`.")


def check_names() -> Iterator[Finding]:
    """No dead name server holds up look-ups, and with them an exchange on this machine."""
    dead = dead_name_servers()
    if dead:
        advice = "Each look-up waits 5 s for it; an exchange here would let callers wait. Mend or remove it."
        yield _note("names", f"no answer from {', '.join(dead)} (/etc/resolv.conf). {advice}")
    else:
        yield _well("names", "every name server answers")


CHECKS: tuple[Callable[[], Iterator[Finding]], ...] = (
    check_database,
    check_extensions,
    check_migrations,
    check_partitions,
    check_time_zones,
    check_processes,
    check_timers,
    check_speech,
    check_sounds,
    check_front_end,
    check_switch,
    check_names,
)


def examine() -> Iterator[Finding]:
    """Run every check; one that cannot reach the database says so instead of ending the rest."""
    for check in CHECKS:
        try:
            yield from check()
        except DatabaseError as error:
            subject = check.__name__.removeprefix("check_")
            advice = " Apply the migrations first." if isinstance(error, ProgrammingError) else ""
            yield _wrong(subject, f"cannot be looked at: {' '.join(str(error).split())}.{advice}")
