"""What `make bench-acd` measures: the product's own processes, all of one machine's, durable.

Agents are made and logged in by the services that the desk uses, and made ready once the exchange has reported their
telephones. Imported after Django is set up, with the environment of ``acd_place``.
"""

from __future__ import annotations

import os
import subprocess
import urllib.request
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from datetime import UTC, datetime
from typing import Any

import psutil
from django.db import connections

from agents.public import AgentSession, SessionState, Station, set_ready
from config import checkout
from config.health import ALLOWED_S, process_rows
from config.processes import commands
from deploy.lab.exchange import Lab
from deploy.lab.sipp_log import FarCall
from reporting.models import CallRecord
from routing.public import Contact, ContactState, SwitchNode
from tenants.public import Event, Tenant, engine_scope, tenant_scope
from tests import factories
from tests.benchmarks.acd_load import Load, Offered, Target
from tests.benchmarks.acd_place import DATABASE
from tests.waiting import until

SLUG = "bench"
NUMBER = "+442079460999"
WAIT_S = 60.0
STOP_S = 10.0
AGREE_S = 1.0
"""By how much the seconds metered, recorded and heard by the far end may differ, for any call."""

MB = 1 << 20

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
    """Run web, engine, switch, worker and beat until the block ends. The telephones are registered before."""
    began = datetime.now(UTC)
    with ExitStack() as stack:
        for name, command in commands(node=lab.node, switch="asterisk").items():
            _processes[name] = stack.enter_context(_process(name, command))
        # Before, what still starts takes half of the machine from the first calls.
        _wait_until("every process does its work", lambda: _all_at_work(since=began))
        _wait_until("the exchange has reported every telephone", lambda: _telephones_are_there(agents, since=began))
        _make_ready()
        yield Target(name="ours", number=NUMBER.lstrip("+"), agents=agents)
        _wait_until("every contact has ended", _all_ended)


def switch_pid() -> int:
    """Return the process id of the running switch worker."""
    return _processes["switch"].pid


def effort() -> dict[str, float]:
    """What has been spent so far: milliseconds of processor time by process, and commits of the database."""
    with engine_scope(read_only=True) as scope, connections[scope.alias].cursor() as cursor:
        cursor.execute("SELECT xact_commit FROM pg_stat_database WHERE datname = current_database()")
        commits = cursor.fetchone()[0]
    cpu_ms = {f"{name}_cpu_ms": sum(map(_cpu_ms, _family(process))) for name, process in _processes.items()}
    return cpu_ms | {"postgres_cpu_ms": sum(map(_cpu_ms, _backends())), "commits": float(commits)}


def spent(before: Mapping[str, float], load: Load) -> dict[str, float]:
    """What `load` has cost since `effort` gave `before`, for each of its contacts."""
    after = effort()
    return {name: round((after[name] - before[name]) / load.calls, 1) for name in after}


def memory_mb() -> dict[str, float]:
    """Proportional set sizes, in MB: each of the product's processes, all of them, and PostgreSQL's besides."""
    sizes = {name: sum(map(_pss, _family(process))) for name, process in _processes.items()}
    shown = sizes | {"all": sum(sizes.values()), "postgres": sum(map(_pss, _backends()))}
    return {name: round(size / MB, 1) for name, size in shown.items()}


def seconds(offered: Offered) -> dict[str, Any]:
    """Compare what was metered and what was recorded of each call with what its caller's telephone saw.

    Waits until the records are written. ``apart``: how many differ by more than `AGREE_S`; ``most_s``: by how much at
    most; ``missing``: answered calls of which there is no record.
    """
    answered = {call.call_id: call for call in offered.callers if call.answered_at is not None}
    _wait_until("every call is in the records", lambda: len(_records(answered)) == len(answered))
    differences = [_difference(call, record) for call, record in _records(answered)]
    return {
        "compared": len(differences),
        "missing": len(answered) - len(differences),
        "apart": sum(1 for difference in differences if difference > AGREE_S),
        "most_s": round(max(differences, default=0.0), 3),
    }


def caught_by_sweep() -> int:
    """Return how many offers the sweep made because no pass had; it should be none."""
    with engine_scope(read_only=True):
        caught = Event.objects.filter(type="sweep.caught").values_list("data", flat=True)
        return sum(int(data["offers"]) for data in caught)


def _records(calls: Mapping[str, FarCall]) -> list[tuple[FarCall, CallRecord]]:
    with engine_scope(read_only=True):
        tenant = Tenant.objects.get(slug=SLUG)
    with tenant_scope(tenant.id, read_only=True):
        ended = CallRecord.objects.filter(sip_call_id__in=calls.keys(), metered_ms__isnull=False)
        return [(calls[record.sip_call_id], record) for record in ended]


def _difference(call: FarCall, record: CallRecord) -> float:
    """The largest difference, in seconds, between the three."""
    three = (call.talk_seconds, (record.metered_ms or 0) / 1000, record.talked.total_seconds())
    return max(three) - min(three)


@contextmanager
def _process(name: str, command: Sequence[str]) -> Iterator[psutil.Process]:
    folder = checkout.STATE / "bench"
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / f"{name}.log").open("ab") as output:
        process = psutil.Popen(
            command,
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


def _all_at_work(*, since: datetime) -> bool:
    with suppress(OSError), urllib.request.urlopen(f"http://127.0.0.1:{os.environ['HOTSEAT_PORT']}/healthz") as web:
        return bool(web.status) and {row.name for row in process_rows() if row.progress_at > since} == set(ALLOWED_S)
    return False


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


def _family(process: psutil.Process) -> list[psutil.Process]:
    with suppress(psutil.NoSuchProcess):
        return [process, *process.children(recursive=True)]
    return []


def _backends() -> list[psutil.Process]:
    return [process for process in psutil.process_iter() if _serves_us(process)]


def _cpu_ms(process: psutil.Process) -> float:
    with suppress(psutil.NoSuchProcess):
        times = process.cpu_times()
        return float(times.user + times.system) * 1000
    return 0.0


def _pss(process: psutil.Process) -> int:
    with suppress(psutil.NoSuchProcess):
        return int(process.memory_full_info().pss)
    return 0


def _serves_us(process: psutil.Process) -> bool:
    with suppress(psutil.Error):
        return process.name().startswith("postgres") and f" {DATABASE} " in " ".join(process.cmdline())
    return False
