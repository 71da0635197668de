"""What `make bench-acd` measures: the product's own processes, the switch worker and the engine, durable.

Agents are made and logged in by the services that the desk uses, and made ready once the exchange has reported their
telephones. Imported after Django is set up, with the environment of ``acd_place``.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from datetime import UTC, datetime

import psutil
from django.db import connections

from agents.public import AgentSession, SessionState, Station, set_ready
from config import checkout
from deploy.lab.exchange import Lab
from routing.public import Contact, ContactState, SwitchNode
from tenants.public import engine_scope
from tests import factories
from tests.benchmarks.acd_load import Target
from tests.benchmarks.acd_place import DATABASE
from tests.waiting import until

SLUG = "bench"
NUMBER = "+442079460999"
WAIT_S = 60.0
STOP_S = 10.0

_processes: dict[str, psutil.Process] = {}


def furnish(agents: Sequence[str]) -> None:
    """One tenant with a private number that queues without answering, no wrap-up, and agents logged in."""
    tenant = factories.make_tenant(slug=SLUG, seats=len(agents))
    queue = factories.make_queue(tenant, code="bench", wrap_up_seconds=0)
    number = factories.make_number(tenant, e164=NUMBER)
    factories.make_entry_point(tenant, flow=factories.make_flow(tenant, factories.queue_flow(queue)), number=number)
    for endpoint in agents:
        extension = endpoint.removeprefix(f"{SLUG}-")
        station = factories.make_station(tenant, extension=extension, reachable=False)
        factories.make_session(tenant, agent=factories.make_agent(tenant, number=extension), station=station)


@contextmanager
def ours(lab: Lab, agents: Sequence[str]) -> Iterator[Target]:
    """Run the switch worker and the engine until the block ends. The telephones are registered before."""
    began = datetime.now(UTC)
    with ExitStack() as stack:
        for name, arguments in (("engine", ()), ("switch", ("--node", lab.node))):
            _processes[name] = stack.enter_context(_process(name, *arguments))
        _wait_until("the exchange has reported every telephone", lambda: _telephones_are_there(agents, since=began))
        _make_ready()
        yield Target(name="ours", number=NUMBER.lstrip("+"), agents=agents)
        _wait_until("every contact has ended", _all_ended)


def effort() -> dict[str, float]:
    """What has been spent so far: milliseconds of processor time by process, and commits of the database."""
    with engine_scope(read_only=True) as scope, connections[scope.alias].cursor() as cursor:
        cursor.execute("SELECT xact_commit FROM pg_stat_database WHERE datname = current_database()")
        commits = cursor.fetchone()[0]
    cpu_ms = {f"{name}_cpu_ms": _cpu_ms(process) for name, process in _processes.items()}
    backends = [process for process in psutil.process_iter() if _serves_us(process)]
    return cpu_ms | {"postgres_cpu_ms": sum(map(_cpu_ms, backends)), "commits": float(commits)}


@contextmanager
def _process(name: str, *arguments: str) -> Iterator[psutil.Process]:
    folder = checkout.STATE / "bench"
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / f"{name}.log").open("ab") as output:
        process = psutil.Popen(
            [sys.executable, "manage.py", name, *arguments],
            cwd=checkout.ROOT,
            env=os.environ,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
        )
    try:
        yield process
    finally:
        process.terminate()
        try:
            process.wait(STOP_S)
        except psutil.TimeoutExpired:
            process.kill()
            process.wait()


def _telephones_are_there(agents: Sequence[str], *, since: datetime) -> bool:
    with engine_scope(read_only=True):
        connected = SwitchNode.objects.filter(connected=True, last_alive_at__gt=since).exists()
        reachable: int = Station.objects.filter(endpoint__in=agents, reachable=True).count()
    return connected and reachable == len(agents)


def _make_ready() -> None:
    with engine_scope(read_only=True):
        resting = list(AgentSession.objects.filter(state=SessionState.NOT_READY).values_list("tenant_id", "id"))
    for tenant_id, session_id in resting:
        set_ready(tenant_id=tenant_id, session_id=session_id, actor="system")


def _all_ended() -> bool:
    with engine_scope(read_only=True):
        return not Contact.objects.exclude(state=ContactState.ENDED).exists()


def _wait_until(what: str, condition: Callable[[], bool]) -> None:
    until(f"{what}; see var/bench/*.log", condition, within_s=WAIT_S, every_s=0.1)


def _cpu_ms(process: psutil.Process) -> float:
    with suppress(psutil.NoSuchProcess):
        times = process.cpu_times()
        return float(times.user + times.system) * 1000
    return 0.0


def _serves_us(process: psutil.Process) -> bool:
    with suppress(psutil.Error):
        return process.name().startswith("postgres") and f" {DATABASE} " in " ".join(process.cmdline())
    return False
