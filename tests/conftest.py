"""Every test runs against its worker's own database, as the roles of production, with committed data.

No mark is needed to use the database, and no transaction is put round a test; afterwards all rows are removed. Tests in
``tests/unit`` and tests marked ``nodb`` do without.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import django
import psycopg
import pytest
import redis
from django.conf import settings
from django.utils import translation

from tests.harness import stage as staging
from tests.harness.cleaning import Cleaner

if settings.configured:
    raise pytest.UsageError(
        "unset DJANGO_SETTINGS_MODULE: the tests settle their own database before Django's settings"
    )

try:
    STAGE = staging.enter()
except Exception as error:
    raise pytest.UsageError(f"{type(error).__name__}: {error}") from error

os.environ["DJANGO_SETTINGS_MODULE"] = "config.settings"
try:
    django.setup()
except BaseException:
    STAGE.leave()
    raise
# A worker must read its own settings after its own conftest, not inherit the wish to read them at once.
del os.environ["DJANGO_SETTINGS_MODULE"]
settings.PASSWORD_HASHERS = ["tests.harness.hashers.QuickHasher", *settings.PASSWORD_HASHERS]

from django.db import connections  # noqa: E402 - only after the stage is set

from config.postgresql.base import DatabaseWrapper  # noqa: E402 - as above

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
_skipped: list[str] = []
_without_browser: list[str] = []


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--no-skips", action="store_true", help="fail the run when anything was skipped or left out (CI)")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Without Chromium leave the browser's tests out, and say so at the end; with --no-skips let them fail."""
    if CHROMIUM or config.getoption("--no-skips"):
        return
    left_out = [item for item in items if item.get_closest_marker("browser")]
    if left_out:
        config.hook.pytest_deselected(items=left_out)
        items[:] = [item for item in items if not item.get_closest_marker("browser")]
        _without_browser.extend(item.nodeid for item in left_out)


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    if report.skipped and not hasattr(report, "wasxfail"):
        _skipped.append(report.nodeid)


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session: pytest.Session, exitstatus: int) -> None:
    if session.config.getoption("--no-skips") and _skipped and exitstatus == pytest.ExitCode.OK:
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    if config.getoption("--no-skips") and _skipped:
        terminalreporter.write_line(
            f"--no-skips: {len(_skipped)} skipped, which fails this run: {', '.join(_skipped)}", red=True
        )
    if _without_browser:
        terminalreporter.write_line(
            f"{len(_without_browser)} browser tests were left out: no Chromium here (apt-get install chromium)",
            yellow=True,
        )


def pytest_unconfigure(config: pytest.Config) -> None:
    STAGE.leave()


@pytest.fixture(scope="session")
def django_db_setup() -> Iterator[None]:
    """This worker's database. It takes the place of pytest-django's fixture of the same name."""
    STAGE.create_database()
    yield
    for connection in connections.all(initialized_only=True):
        connection.close()
        if isinstance(connection, DatabaseWrapper) and "pool" in connection.settings_dict["OPTIONS"]:
            connection.close_pool()
    STAGE.drop_database()


@pytest.fixture(scope="session")
def cleaner(django_db_setup: None) -> Iterator[Cleaner]:
    """Removes what a test committed."""
    with psycopg.connect(STAGE.database_url, autocommit=True) as connection:
        yield Cleaner(connection)


@pytest.fixture(scope="session")
def valkey_client() -> Iterator[redis.Redis]:
    """A client of this worker's Valkey database, empty before each test."""
    with redis.Redis.from_url(os.environ["REDIS_URL"], socket_timeout=5) as client:
        client.flushdb()
        yield client


@pytest.fixture
def redis_url() -> str:
    """URL of this worker's Valkey database."""
    return os.environ["REDIS_URL"]


@pytest.fixture
def admin_database_url(django_db_setup: None) -> str:
    """URL by which a superuser reaches this worker's database, to look past all policies or to break things."""
    return STAGE.database_url


@pytest.fixture(autouse=True)
def _language() -> Iterator[None]:
    """A request leaves its language to the thread, which is the next test's, too."""
    yield
    translation.deactivate()


@pytest.fixture(autouse=True)
def _database(request: pytest.FixtureRequest) -> Iterator[None]:
    unit = Path(str(request.node.path)).is_relative_to(Path(__file__).parent / "unit")
    if unit or request.node.get_closest_marker("nodb"):
        yield
        return
    cleaner: Cleaner = request.getfixturevalue("cleaner")
    client: redis.Redis = request.getfixturevalue("valkey_client")
    blocker = request.getfixturevalue("django_db_blocker")
    with blocker.unblock():
        yield
        connections.close_all()
    cleaner.clean()
    client.flushdb()
