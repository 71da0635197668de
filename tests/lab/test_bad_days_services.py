"""PostgreSQL away, Valkey killed and emptied, engine and web killed at random, while calls go on."""

from __future__ import annotations

import json
import os
import random
import secrets
import signal
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

import psutil
import psycopg
import pytest
import redis
from django.conf import settings
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import connect

from config.services import ports, valkey
from config.services.place import find_place
from config.services.programs import valkey_program
from deploy.lab.exchange import Lab
from deploy.lab.rtp_watch import RtpWatch
from reporting.board import board_rows
from routing.states import ContactState
from tenants.public import Outbox, Role, Tenant, engine_scope
from tests.api import signed_in
from tests.chaos.crowd import FIRST_MEDIA, LAST_MEDIA, calling
from tests.chaos.lines import line, node_is_connected
from tests.chaos.processes import Installation, Running, installation
from tests.chaos.verdict import settles, wrong_with_calls
from tests.waiting import until

pytestmark = pytest.mark.lab

FIRST = 447_700_600_000
OVER_S = 60.0
AWAY_S = 5.0
RIGHT_S = 5.0


def test_callers_hear_music_while_postgresql_is_away_and_nothing_is_lost(
    lab: Lab, tmp_path: Path, admin_database_url: str
) -> None:
    with ExitStack() as stack:
        there = stack.enter_context(installation(lab, tmp_path))
        there.start("engine")
        there.start("switch")
        talks = stack.enter_context(line(lab, agents=2))
        waits = stack.enter_context(line(lab, agents=1, greets=True, ready=False))
        until("the worker is connected", lambda: node_is_connected(lab), within_s=20)
        first = talks.crowd(first=FIRST, calls=2, talk_s=(3, 8))
        talking = stack.enter_context(calling(lab, first))
        waiting = stack.enter_context(calling(lab, waits.crowd(first=FIRST + 100, calls=1, talk_s=(25, 25))))
        until("two talk", lambda: len(talks.contacts(ContactState.ENGAGED)) == 2, within_s=10)
        until("one waits", lambda: waits.contacts(ContactState.QUEUED), within_s=15)
        with database_away(admin_database_url), RtpWatch(first_port=FIRST_MEDIA, last_port=LAST_MEDIA) as sound:
            late = stack.enter_context(calling(lab, talks.crowd(first=FIRST + 10, calls=2)))
            time.sleep(AWAY_S)
            (heard,) = waiting.calls()
            assert heard.media_port is not None
            assert sound.first(heard.media_port, after=heard.invite_at) is not None
        until("the worker is back", lambda: node_is_connected(lab), within_s=15)
        waits.make_ready()
        far = [*talking.wait(OVER_S), *late.wait(OVER_S)]
        alone = waiting.wait(OVER_S)
        assert settles(lab, within_s=20) == []
        assert wrong_with_calls(talks.tenant, far, talks.phones.calls()) == []
        assert wrong_with_calls(waits.tenant, alone, waits.phones.calls()) == []


@contextmanager
def database_away(admin_url: str) -> Iterator[None]:
    """The whole server gets SIGSTOP for as long as the block lasts; then our connections to it break as well."""
    with psycopg.connect(admin_url, autocommit=True) as connection:
        (folder,) = connection.execute("SHOW data_directory").fetchone() or ("",)
    server = psutil.Process(int(Path(folder, "postmaster.pid").read_text().split()[0]))
    stopped = [server, *server.children(recursive=True)]
    for process in stopped:
        with suppress(psutil.NoSuchProcess):
            process.send_signal(signal.SIGSTOP)
    try:
        yield
    finally:
        for process in reversed(stopped):
            with suppress(psutil.NoSuchProcess):
                process.send_signal(signal.SIGCONT)
    with psycopg.connect(admin_url, autocommit=True) as connection:
        connection.execute(
            "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity "
            "WHERE datname = current_database() AND usename LIKE 'hotseat%'"
        )


def test_routing_goes_on_without_valkey_and_the_board_is_right_soon_after(lab: Lab, tmp_path: Path) -> None:
    with ExitStack() as stack:
        server = own_valkey(tmp_path)
        stack.callback(server.stop)
        port = ports.choose(taken={server.port})
        there = stack.enter_context(installation(lab, tmp_path, REDIS_URL=server.url, HOTSEAT_PORT=str(port)))
        for name in ("engine", "switch", "web"):
            there.start(name)
        one = stack.enter_context(line(lab, agents=2))
        until("the worker is connected", lambda: node_is_connected(lab), within_s=20)
        until("the web process answers", partial(is_alive, port), within_s=20)
        board = Board(one.tenant, port)
        stack.callback(board.close)
        until("the board is right", board.is_right, within_s=RIGHT_S)
        callers = stack.enter_context(calling(lab, one.crowd(first=FIRST + 200, calls=16, rate=1.5, talk_s=(1, 2))))
        until("somebody talks", lambda: one.contacts(ContactState.ENGAGED), within_s=10)
        kill(server)
        until("calls are taken without it", lambda: len(one.contacts(ContactState.ENDED)) >= 5, within_s=20)
        server.start()
        with redis.Redis.from_url(server.url) as client:
            client.flushall()
        until("the board is right again", board.is_right, within_s=RIGHT_S)
        far = callers.wait(OVER_S)
        assert settles(lab, within_s=20) == []
        until("the board shows the end", lambda: board.is_right() and board.waiting() == 0, within_s=RIGHT_S)
        until("every event is passed on", nothing_in_the_outbox, within_s=10)
        assert wrong_with_calls(one.tenant, far, one.phones.calls()) == []


def own_valkey(folder: Path) -> valkey.Server:
    """A server of this test alone: others of the checkout use the common one."""
    place = find_place(folder, "test")
    place.folder.mkdir(parents=True, exist_ok=True)
    program = valkey_program(os.environ.get("HOTSEAT_SERVICES") or "auto")
    server = valkey.Server(place, program, ports.choose(taken=set()), secrets.token_hex(8), keep=False)
    server.start()
    return server


def kill(server: valkey.Server) -> None:
    """SIGKILL: what it had in memory is gone."""
    found = server.running()
    assert found is not None
    found.end(signal.SIGKILL)


class Board:
    """A supervisor's board: what config/assets/js/live.js keeps of it, coming back by itself as that does."""

    def __init__(self, tenant: Tenant, port: int) -> None:
        cookie = signed_in(tenant, role=Role.SUPERVISOR).cookies[settings.SESSION_COOKIE_NAME].value
        self._tenant, self._url = tenant, f"ws://127.0.0.1:{port}/ws/v1/live/"
        self._headers = {"Cookie": f"{settings.SESSION_COOKIE_NAME}={cookie}", "Origin": f"http://127.0.0.1:{port}"}
        self._rows: dict[str, dict[str, Any]] = {}
        self._closing = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="board")
        self._thread.start()

    def close(self) -> None:
        """Look no longer."""
        self._closing.set()
        self._thread.join()

    def waiting(self) -> int:
        """How many callers wait, as it shows."""
        return int(self._rows["total"]["waiting"]) if "total" in self._rows else -1

    def is_right(self) -> bool:
        """Whether it shows what is so."""
        now = {row["id"]: row for row in board_rows(self._tenant.id)}
        shown = dict(self._rows)
        return shown.keys() == now.keys() and all(shown[key]["seq"] == row["seq"] for key, row in now.items())

    def _watch(self) -> None:
        while not self._closing.is_set():
            with suppress(OSError, ConnectionClosed, TimeoutError):
                self._listen()
            self._closing.wait(0.2)

    def _listen(self) -> None:
        with connect(self._url, additional_headers=self._headers, open_timeout=3) as socket:
            socket.send(json.dumps({"op": "subscribe", "topic": "board"}))
            while not self._closing.is_set():
                with suppress(TimeoutError):
                    self._take(json.loads(socket.recv(timeout=0.3)))

    def _take(self, message: dict[str, Any]) -> None:
        if message["type"] == "snapshot":
            self._rows = {row["id"]: row for row in message["rows"]}
        elif message["type"] == "delta":
            changed = {row["id"]: row for row in message["rows"]}
            gone = set(message["gone"])
            self._rows = {key: row for key, row in {**self._rows, **changed}.items() if key not in gone}


def is_alive(port: int) -> bool:
    """Whether the web process answers."""
    with suppress(urllib.error.URLError, OSError):
        return bool(urllib.request.urlopen(f"http://127.0.0.1:{port}/healthz", timeout=2).status == 200)
    return False


def nothing_in_the_outbox() -> bool:
    """Whether the relay has passed on every event."""
    with engine_scope(read_only=True):
        return not Outbox.objects.exists()


def test_engine_and_web_may_be_killed_at_random(lab: Lab, tmp_path: Path) -> None:
    seed = int(datetime.now(UTC).timestamp())
    print(f"seed {seed}")  # noqa: T201 - pytest shows it when the test fails
    chance = random.Random(seed)
    with ExitStack() as stack:
        port = ports.choose(taken=set())
        there = stack.enter_context(installation(lab, tmp_path, HOTSEAT_PORT=str(port)))
        there.start("switch")
        running = {name: there.start(name) for name in ("engine", "web")}
        one = stack.enter_context(line(lab, agents=3))
        until("the worker is connected", lambda: node_is_connected(lab), within_s=20)
        callers = stack.enter_context(calling(lab, one.crowd(first=FIRST + 400, calls=30, rate=2, talk_s=(1, 2))))
        for _ in range(5):
            time.sleep(chance.uniform(0.5, 3.0))
            name = chance.choice(sorted(running))
            running[name] = again(there, running[name])
        far = callers.wait(OVER_S)
        assert settles(lab, within_s=20) == []
        until("every event is passed on", nothing_in_the_outbox, within_s=20)
        until("the web process answers", partial(is_alive, port), within_s=20)
        assert wrong_with_calls(one.tenant, far, one.phones.calls()) == []


def again(there: Installation, process: Running) -> Running:
    """Kill a process and start its successor."""
    process.kill()
    return there.start(process.name)
