"""What the validator refuses, where it points and how it says so."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from routing.flows import FlowUnreadable, Severity, read_flow_json, validate_flow
from tests.routing.flows.flow_documents import COMPLETE, HELLO, QUEUE, REFERENCES, changed, flow, found, messages

pytestmark = pytest.mark.nodb


def test_it_accepts_a_flow_that_uses_every_node_type() -> None:
    report = validate_flow(COMPLETE, REFERENCES)
    assert report.problems == ()
    assert report.definition is not None
    assert report.definition.start == "hours"
    assert list(report.definition.nodes) == list(COMPLETE["nodes"])


def test_a_flow_may_queue_without_answering() -> None:
    assert found(flow(a=QUEUE)) == set()


@pytest.mark.parametrize("data", [None, 7, "flow", [], True])
def test_what_is_not_an_object_is_refused_at_the_root(data: object) -> None:
    assert found(data) == {("", "invalid-value")}


def test_it_tells_all_errors_at_once() -> None:
    data = {
        "schema": 2,
        "start": "a",
        "colour": "red",
        "nodes": {
            "a": {"type": "answer", "next": "nowhere"},
            "b": {"type": "sing"},
            "c": {"type": "queue"},
            "d": {"type": "queue", "queue": "unheard-of"},
            "e": "queue",
            "f": {"next": "a"},
            "G": QUEUE,
        },
    }
    assert found(data) == {
        ("/schema", "invalid-value"),
        ("/colour", "unknown-field"),
        ("/nodes/G", "invalid-key"),
        ("/nodes/a/next", "missing-node"),
        ("/nodes/b/type", "unknown-type"),
        ("/nodes/c/queue", "missing-field"),
        ("/nodes/d/queue", "unknown-queue"),
        ("/nodes/e", "invalid-value"),
        ("/nodes/f/type", "missing-field"),
    }


def test_each_missing_field_is_told_once() -> None:
    problems = validate_flow(flow(a={"type": "menu"}), REFERENCES).errors
    assert [problem.pointer for problem in problems] == ["/nodes/a/prompt", "/nodes/a/on_timeout", "/nodes/a/keys"]


@pytest.mark.parametrize(
    ("path", "value", "pointer"),
    [
        ("start", 5, "/start"),
        ("nodes/menu/keys", {}, "/nodes/menu/keys"),
        ("nodes/menu/retries", 1.5, "/nodes/menu/retries"),
        ("nodes/menu/retries", True, "/nodes/menu/retries"),
        ("nodes/menu/timeout_seconds", 0, "/nodes/menu/timeout_seconds"),
        ("nodes/menu/timeout_seconds", float("nan"), "/nodes/menu/timeout_seconds"),
        ("nodes/menu/timeout_seconds", float("inf"), "/nodes/menu/timeout_seconds"),
        ("nodes/menu/prompt", {"text": HELLO, "sound": "chime"}, "/nodes/menu/prompt"),
        ("nodes/menu/prompt", {}, "/nodes/menu/prompt"),
        ("nodes/welcome/text", {"en": "  "}, "/nodes/welcome/text/en"),
        ("nodes/welcome/text", {"en": "x" * 2001}, "/nodes/welcome/text/en"),
        ("nodes/welcome/text", {}, "/nodes/welcome/text"),
        ("nodes/welcome/barge_in", "yes", "/nodes/welcome/barge_in"),
        ("nodes/number/terminator", "5", "/nodes/number/terminator"),
        ("nodes/number/max_digits", 33, "/nodes/number/max_digits"),
        ("nodes/express/priority", 101, "/nodes/express/priority"),
        ("nodes/closed/reason", "tired", "/nodes/closed/reason"),
        ("nodes/hours/weekly/mon", [["9:00", "12:00"]], "/nodes/hours/weekly/mon/0/0"),
        ("nodes/hours/weekly/mon", [["09:00"]], "/nodes/hours/weekly/mon/0"),
        ("nodes/hours/holidays", ["2026-02-30"], "/nodes/hours/holidays/0"),
        ("nodes/hours/special_days", {"2026-02-30": []}, "/nodes/hours/special_days/2026-02-30"),
        ("nodes/acme/tenant", "a/b", "/nodes/acme/tenant"),
    ],
)
def test_a_value_of_the_wrong_shape_is_named(path: str, value: object, pointer: str) -> None:
    assert (pointer, "invalid-value") in found(changed(path, value))


def test_a_wrong_value_is_shown_with_what_was_expected() -> None:
    assert messages(changed("nodes/menu/retries", 12))["/nodes/menu/retries"] == (
        "12 is not valid here: expected a whole number from 0 to 9."
    )


@pytest.mark.parametrize("key", ["A", "12", "", "\uff11", "#\n"])
def test_only_keys_of_a_telephone_are_keys(key: str) -> None:
    data = changed("nodes/menu/keys", {"1": "queue", key: "bye"})
    assert (f"/nodes/menu/keys/{key}", "invalid-key") in found(data)


def test_a_pointer_escapes_what_the_name_of_a_node_holds() -> None:
    assert ("/nodes/a~1b~0c", "invalid-key") in found({"schema": 1, "start": "a", "nodes": {"a/b~c": QUEUE}})


@pytest.mark.parametrize("text", ["bell \x07", "null \x00", "half \ud800"])
def test_characters_that_cannot_be_kept_are_refused(text: str) -> None:
    assert found(changed("nodes/welcome/text", {"en": text, "zh-hans": "好"})) == {
        ("/nodes/welcome/text/en", "bad-character")
    }


def test_more_than_a_hundred_nodes_are_refused_without_looking_at_them() -> None:
    nodes = {f"n{index}": {"type": "sing"} for index in range(50_000)}
    assert found({"schema": 1, "start": "n0", "nodes": nodes}) == {("/nodes", "invalid-value")}


def test_fewer_digits_at_most_than_at_least_are_refused() -> None:
    assert found(changed("nodes/number/min_digits", 7)) == {("/nodes/number/min_digits", "digits-range")}


def choosing(**changes: object) -> dict[str, Any]:
    """The complete flow with digits that choose between two nodes."""
    number = {key: value for key, value in COMPLETE["nodes"]["number"].items() if key != "next"}
    return changed("nodes/number", number | {"choices": {"1001": "acme", "100200": "queue"}} | changes)


def test_digits_may_choose_the_next_node() -> None:
    report = validate_flow(choosing(), REFERENCES)
    assert report.problems == ()
    assert report.definition is not None


@pytest.mark.parametrize(
    ("changes", "pointer", "code"),
    [
        ({"next": "queue"}, "next", "next-and-choices"),
        ({"choices": {}}, "choices", "invalid-value"),
        ({"choices": {"10a1": "queue"}}, "choices/10a1", "invalid-key"),
        ({"choices": {"１００１": "queue"}}, "choices/１００１", "invalid-key"),
        ({"choices": {"123": "queue"}}, "choices/123", "digits-range"),
        ({"choices": {"1234567": "queue"}}, "choices/1234567", "digits-range"),
        ({"choices": {"1234": "nowhere"}}, "choices/1234", "missing-node"),
    ],
)
def test_choices_that_cannot_be_entered_or_lead_nowhere_are_refused(
    changes: dict[str, Any], pointer: str, code: str
) -> None:
    assert (f"/nodes/number/{pointer}", code) in found(choosing(**changes))


def test_digits_that_lead_nowhere_are_refused() -> None:
    number = {key: value for key, value in COMPLETE["nodes"]["number"].items() if key != "next"}
    assert found(changed("nodes/number", number)) == {("/nodes/number/next", "missing-field")}


def test_hours_past_midnight_are_refused_with_advice() -> None:
    data = changed("nodes/hours/weekly", {"fri": [["22:00", "06:00"]]})
    assert messages(data)["/nodes/hours/weekly/fri/0"].startswith("22:00 to 06:00 ends before it begins; write hours")


def test_overlapping_hours_are_refused() -> None:
    data = changed("nodes/hours/weekly", {"fri": [["09:00", "12:00"], ["11:59", "13:00"], ["13:00", "14:00"]]})
    assert found(data) == {("/nodes/hours/weekly/fri/1", "interval-overlap")}


def test_a_holiday_that_is_a_special_day_too_is_refused() -> None:
    data = changed("nodes/hours/holidays", ["2026-12-24"])
    assert found(data) == {("/nodes/hours/special_days/2026-12-24", "day-twice")}


# References


@pytest.mark.parametrize(
    ("path", "value", "pointer", "code"),
    [
        ("nodes/queue/queue", "nobody", "/nodes/queue/queue", "unknown-queue"),
        ("nodes/acme/service", "side", "/nodes/acme/service", "unknown-service"),
        ("nodes/acme/tenant", "initech", "/nodes/acme/service", "unknown-service"),
        ("nodes/chime/sound", "gong", "/nodes/chime/sound", "unknown-sound"),
        ("nodes/menu/invalid", {"sound": "gong"}, "/nodes/menu/invalid/sound", "unknown-sound"),
        ("nodes/welcome/text", HELLO | {"fr": "Bonjour."}, "/nodes/welcome/text/fr", "no-voice"),
        ("nodes/chinese/language", "fr", "/nodes/chinese/language", "no-voice"),
    ],
)
def test_what_the_tenant_does_not_have_is_refused(path: str, value: object, pointer: str, code: str) -> None:
    assert found(changed(path, value)) == {(pointer, code)}


def test_a_missing_language_is_a_warning_only() -> None:
    report = validate_flow(changed("nodes/menu/prompt", {"text": {"en": "Hello."}}), REFERENCES)
    assert report.definition is not None
    assert [problem.as_json() for problem in report.warnings] == [
        {
            "pointer": "/nodes/menu/prompt/text",
            "code": "missing-text",
            "message": 'There is no text in "zh-hans"; callers who chose it hear another language.',
            "severity": Severity.WARNING,
        }
    ]


# Reading


def test_reading_returns_what_was_written() -> None:
    assert read_flow_json(json.dumps(COMPLETE)) == COMPLETE


@pytest.mark.parametrize(
    ("raw", "code", "words"),
    [
        ('{"schema": 1,\n "start" "a"}', "not-json", "line 2, column 10"),
        (b"\xff\xfe\x00", "not-json", "UTF-8"),
        ("[" * 100_000, "not-json", "nested too deeply"),
        (" " * (256 * 1024 + 1), "too-large", "at most 262144"),
        ('{"nodes": {"a": 1, "a": 2}}', "given-twice", '"a" is given twice'),
    ],
)
def test_text_that_is_not_a_flow_is_told_as_a_problem(raw: str | bytes, code: str, words: str) -> None:
    with pytest.raises(FlowUnreadable) as raised:
        read_flow_json(raw)
    assert raised.value.problem.code == code
    assert words in raised.value.problem.message


def test_the_example_in_the_documentation_is_accepted() -> None:
    page = (Path(__file__).parents[3] / "docs" / "flows.md").read_text()
    example = page.split("```json\n")[1].split("```")[0]
    assert validate_flow(read_flow_json(example), REFERENCES).problems == ()
