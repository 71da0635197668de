"""PostgreSQL and Valkey come up from the system's programs and from the wheels, and survive whatever kills them."""

from __future__ import annotations

import os
import shutil
import signal
import socket
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
import redis

from config import checkout
from config.services import ports, programs
from config.services.database import APP, ENGINE, OWNER, Target, with_database
from config.services.errors import ServiceError
from config.services.manager import Services
from config.services.place import AWAY, find_place
from config.services.postgres import Cluster
from config.services.tracked import Tracked

pytestmark = pytest.mark.nodb


@pytest.fixture(params=["system", "wheels"])
def services(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Services]:
    """Services in a checkout's state of their own; skipped where the system has none (CI installs them)."""
    try:
        programs.postgres_programs(request.param)
        programs.valkey_program(request.param)
    except ServiceError as missing:
        pytest.skip(str(missing))
    found = Services("run", environ={"HOTSEAT_VAR_DIR": str(tmp_path / "var"), "HOTSEAT_SERVICES": request.param})
    yield found
    found.down()
    away = find_place(found.state, "run").folder.parent
    if away.is_relative_to(AWAY):
        shutil.rmtree(away)


def as_role(services: Services, role: str) -> psycopg.Connection:
    url = services.environment()["DATABASE_URL"]
    return psycopg.connect(url, user=role, password=services.passwords()[role])


def server_pid(services: Services) -> int:
    with psycopg.connect(services.target().admin_url) as connection:
        row = connection.execute("SELECT pg_stat_file('postmaster.pid'), pg_read_file('postmaster.pid')").fetchone()
    assert row
    return int(row[1].splitlines()[0])


def test_they_start_hold_what_was_written_and_stop(services: Services) -> None:
    environment = services.up()
    source = services.environ["HOTSEAT_SERVICES"]
    assert services.status()["postgres"].startswith(source)
    assert services.status()["valkey"].startswith(source)
    with as_role(services, OWNER) as connection:
        connection.execute("CREATE TABLE kept AS SELECT 42 AS answer")
    redis.Redis.from_url(environment["REDIS_URL"]).set("kept", "42")
    services.down()
    assert set(services.status().values()) == {"not running"}
    again = services.up()
    assert again == environment, "a checkout keeps its ports"
    with as_role(services, OWNER) as connection:
        assert connection.execute("SELECT answer FROM kept").fetchone() == (42,)
    with redis.Redis.from_url(environment["REDIS_URL"]) as client:
        assert client.get("kept") == b"42"


def test_a_server_that_runs_is_adopted_and_a_killed_one_recovers(services: Services) -> None:
    services.up()
    first = server_pid(services)
    services.up()
    assert server_pid(services) == first
    with as_role(services, OWNER) as connection:
        connection.execute("CREATE TABLE kept (answer int)")
    open_one = as_role(services, APP)  # a backend that outlives its postmaster for a moment
    os.kill(first, signal.SIGKILL)
    services.up()
    open_one.close()
    assert server_pid(services) != first
    with as_role(services, OWNER) as connection:
        assert connection.execute("SELECT count(*) FROM kept").fetchone() == (0,)


def test_the_roles_can_do_no_more_than_they_must(services: Services) -> None:
    services.up()
    for role in (APP, ENGINE):
        with as_role(services, role) as connection:
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                connection.execute("CREATE TABLE mine (id int)")
            connection.rollback()
            assert connection.execute("SHOW statement_timeout").fetchone() == ("30s",)
    with psycopg.connect(services.target().url) as connection:
        extensions = {row[0] for row in connection.execute("SELECT extname FROM pg_extension")}
    assert {"btree_gist", "pg_trgm"} <= extensions


def test_secrets_are_readable_by_their_owner_only_and_the_url_has_none(services: Services) -> None:
    environment = services.up()
    assert "@" not in environment["DATABASE_URL"]
    for name in ("secrets.json", "services/run/services.json"):
        assert (services.state / name).stat().st_mode & 0o777 == 0o600


def test_a_port_that_somebody_took_is_replaced(services: Services) -> None:
    services.prepare()
    path = services.folder / "services.json"
    chosen = checkout.read_json(path)
    with socket.socket() as intruder:
        intruder.bind(("127.0.0.1", chosen["postgres_port"]))
        intruder.listen()
        services.up()
    assert checkout.read_json(path)["postgres_port"] != chosen["postgres_port"]


def test_the_last_user_stops_them(services: Services) -> None:
    other = Services("run", environ=services.environ)
    services.acquire()
    other.acquire()
    services.release()
    assert "not running" not in services.status().values()
    other.release()
    assert set(services.status().values()) == {"not running"}


def test_an_interrupted_initdb_is_begun_again(services: Services) -> None:
    services.prepare()
    place = find_place(services.state, "run")
    cluster = Cluster(place, programs.postgres_programs(services.wanted)[0], 1, "secret", throw_away=False)
    place.make_folder(cluster.data.name)
    (cluster.data / "base").mkdir()
    (cluster.data / "base" / "1").write_text("half")
    services.up()
    assert server_pid(services) > 1


def test_a_stranger_with_our_old_process_id_is_left_alone() -> None:
    me = Tracked.of(os.getpid())
    assert me is not None
    assert me.process() is not None
    assert Tracked(me.pid, me.started - 100).process() is None


def test_an_unknown_source_or_none_is_said_plainly(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nonexistent")
    with pytest.raises(ServiceError, match="no Valkey or Redis server found"):
        programs.valkey_program("system")


def test_a_url_without_a_database_means_hotseat() -> None:
    assert Target.of_url("postgresql://a:b@h:1/").name == "hotseat"
    assert Target.of_url("postgresql://a:b@h:1/other") == Target("postgresql://a:b@h:1/postgres", "other")
    assert with_database("postgresql://h/x?sslmode=require", "y") == "postgresql://h/y?sslmode=require"


def test_ports_are_free_and_different() -> None:
    first = ports.choose(taken=set())
    assert ports.is_free(first)
    assert ports.choose(taken={first}) != first
