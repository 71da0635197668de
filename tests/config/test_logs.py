"""Log lines: one JSON object each with the request's id, and none for those who only watch."""

from __future__ import annotations

import io
import json
import logging
import logging.config
from collections.abc import Iterator
from typing import Any

import pytest
import structlog
from django.conf import settings
from django.test import RequestFactory

from config.logs import logging_settings

pytestmark = pytest.mark.nodb


@pytest.fixture
def lines() -> Iterator[io.StringIO]:
    """What is written by a process that logs JSON."""
    output = io.StringIO()
    chosen: dict[str, Any] = logging_settings(style="json", level="INFO")
    chosen["handlers"]["stderr"]["stream"] = output
    logging.config.dictConfig(chosen)
    yield output
    logging.config.dictConfig(settings.LOGGING)


def test_a_line_is_one_object_with_what_is_bound(lines: io.StringIO) -> None:
    with structlog.contextvars.bound_contextvars(request_id="r-1"):
        structlog.get_logger("routing").info("offered", agent="李雷")
        logging.getLogger("django").warning("plain %s", "words")
    first, second = map(json.loads, lines.getvalue().splitlines())
    assert (first["event"], first["agent"], first["level"], first["request_id"]) == ("offered", "李雷", "info", "r-1")
    assert (second["event"], second["logger"], second["request_id"]) == ("plain words", "django", "r-1")


def test_an_exception_keeps_its_traceback(lines: io.StringIO) -> None:
    try:
        int("no number")
    except ValueError:
        logging.getLogger("routing").exception("failed")
    assert "ValueError: invalid literal" in json.loads(lines.getvalue())["exception"]


@pytest.mark.parametrize(("path", "written"), [("/readyz", False), ("/metrics", False), ("/api/v1/queues/", True)])
def test_a_watcher_s_requests_are_not_written(lines: io.StringIO, path: str, written: bool) -> None:
    structlog.get_logger("django_structlog").info("request_started", request=f"GET {path}")
    assert bool(lines.getvalue()) is written


def test_a_line_of_the_standard_library_says_what_it_is_about(lines: io.StringIO) -> None:
    logging.getLogger("routing").warning("healed", extra={"contact": "c-1"})
    assert json.loads(lines.getvalue())["contact"] == "c-1"


def test_a_line_about_a_request_does_not_tell_what_it_asked_for(lines: io.StringIO) -> None:
    request = RequestFactory().get("/customers/", {"q": "Smith"})
    logging.getLogger("django.request").warning("Not Found: %s", request.path, extra={"request": request})
    line = json.loads(lines.getvalue())
    assert line["event"] == "Not Found: /customers/"
    assert "Smith" not in lines.getvalue()


def test_a_terminal_shows_where_it_failed_and_no_callers_number() -> None:
    output = io.StringIO()
    chosen: dict[str, Any] = logging_settings(style="console", level="INFO")
    chosen["handlers"]["stderr"]["stream"] = output
    logging.config.dictConfig(chosen)

    def fail(ani: str) -> None:
        raise ValueError(len(ani))

    try:
        fail("-".join(4 * ["7946"]))
    except ValueError:
        logging.getLogger("routing").exception("failed", extra={"contact": "c-1"})
    finally:
        logging.config.dictConfig(settings.LOGGING)
    assert "in fail" in output.getvalue()
    assert "contact=c-1" in output.getvalue()
    assert "7946-7946" not in output.getvalue()
