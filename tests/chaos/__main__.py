"""`make chaos`: callers by SIPp while processes are killed at random, then a look from outside and inside.

The seed, and all that it decides, is printed and written to ``var/bench/chaos.json`` before the first call. The exit
status is 1 when anything that must hold did not.
"""

from __future__ import annotations

import argparse
import importlib
import os
import secrets
import sys
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import django

from config import checkout
from config.services import ports, valkey
from config.services.manager import Services
from config.services.place import find_place
from config.services.programs import valkey_program
from deploy.lab import exchange
from tests.benchmarks import acd_place
from tests.chaos.storm_plan import Plan, plan

REPORT = checkout.STATE / "bench" / "chaos.json"
DATABASE = "hotseat_chaos"


def own_valkey() -> valkey.Server:
    """A server that may be killed: the checkout's common one has other users."""
    place = find_place(checkout.STATE / "chaos", "test")
    place.folder.mkdir(parents=True, exist_ok=True)
    port = ports.choose(taken=set())
    return valkey.Server(
        place, valkey_program(os.environ.get("HOTSEAT_SERVICES") or "auto"), port, secrets.token_hex(8), keep=False
    )


def table(report: Mapping[str, Any]) -> str:
    """The outcome, for a terminal."""
    lines = [f"{'contacts (trials)':<34}{report['trials']:>8}", f"{'seed':<34}{report['seed']:>8}"]
    lines += [f"{'killed: ' + name:<34}{count:>8}" for name, count in sorted(report["kills"].items())]
    lines += [f"{'ended: ' + reason:<34}{count:>8}" for reason, count in sorted(report["endings"].items())]
    lines.append(f"{'violations':<34}{len(report['violations']):>8}")
    bound = report["bound"]
    lines.append(f"{'rate of violations, 95 % bound':<34}{'–' if bound is None else f'{bound:.4f}':>8}")
    return "\n".join([*lines, *(f"  {problem}" for problem in report["violations"][:40])])


def run(decided: Plan) -> int:
    """Play the plan, write, print. Returns the exit status."""
    services = Services("run")
    urls = services.acquire()
    server = own_valkey()
    try:
        server.start()
        lab = exchange.up()
        report: dict[str, Any] = {
            "at": datetime.now(UTC).isoformat(timespec="seconds"),
            "seed": decided.seed,
            "plan": decided.as_json(),
            "versions": acd_place.versions(lab, services),
        }
        checkout.write_json(REPORT, report)
        say(f"seed {decided.seed}: {decided.contacts} contacts, {len(decided.kills)} kills; {REPORT}")
        own = {**urls, "REDIS_URL": server.url}
        os.environ.update(acd_place.prepare(lab, services, own, name=DATABASE))
        django.setup()
        # Not before: it needs Django, whose settings are the environment of this very line.
        report |= importlib.import_module("tests.chaos.storm").play(lab, server, decided)
    finally:
        exchange.down()
        server.stop()
        services.release()
    checkout.write_json(REPORT, report)
    say(f"{table(report)}\n{REPORT}")
    return 1 if report["violations"] else 0


def say(text: str) -> None:
    """A line for the terminal, now."""
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


def main() -> int:
    parser = argparse.ArgumentParser(prog="make chaos", description=__doc__)
    parser.add_argument("--contacts", type=int, default=200, help="how many callers (N=)")
    parser.add_argument("--seed", type=int, default=secrets.randbelow(1_000_000), help="repeat a run's decisions")
    options = parser.parse_args()
    os.environ.setdefault("HOTSEAT_LAB_DIR", str(checkout.STATE / "lab-chaos"))
    return run(plan(seed=options.seed, contacts=options.contacts))


if __name__ == "__main__":
    sys.exit(main())
