"""Configuration comes from the environment, says everything that is wrong at once, and is documented."""

from __future__ import annotations

from pathlib import Path

import pytest

from config.checkout import ROOT
from config.env import VARIABLES, EnvironmentInvalid, markdown, read

pytestmark = pytest.mark.nodb

COMPLETE = {
    "DATABASE_URL": "postgresql://db.example:5432/hotseat",
    "REDIS_URL": "redis://cache.example:6379/0",
    "HOTSEAT_OWNER_PASSWORD": "o",
    "HOTSEAT_APP_PASSWORD": "a",
    "HOTSEAT_ENGINE_PASSWORD": "e",
    "HOTSEAT_SECRET_KEY": "s" * 32,
    "HOTSEAT_HASH_KEY": "h" * 32,
}


def problems(**changes: str) -> list[str]:
    with pytest.raises(EnvironmentInvalid) as caught:
        read(COMPLETE | changes, known={})
    return caught.value.problems


def test_a_complete_environment_is_read_with_the_defaults() -> None:
    values = read(COMPLETE | {"HOTSEAT_PORT": "8080", "HOTSEAT_ALLOWED_HOSTS": "a.example, b.example"}, known={})
    assert values["HOTSEAT_PORT"] == 8080
    assert values["HOTSEAT_ALLOWED_HOSTS"] == ["a.example", "b.example"]
    assert values["HOTSEAT_DEBUG"] is False
    assert values["HOTSEAT_SOUNDS_DIR"] == ROOT / "var" / "sounds"


def test_on_a_server_every_missing_variable_is_named_at_once() -> None:
    with pytest.raises(EnvironmentInvalid) as caught:
        read({}, known={})
    assert [problem.split()[0] for problem in caught.value.problems] == list(COMPLETE)
    assert str(caught.value).count("\n") == len(COMPLETE)


@pytest.mark.parametrize(
    ("name", "value", "sentence"),
    [
        ("HOTSEAT_PORT", "eighty", "HOTSEAT_PORT must be a whole number from 1 to 65535."),
        ("HOTSEAT_PORT", "70000", "HOTSEAT_PORT must be a whole number from 1 to 65535."),
        ("HOTSEAT_DEBUG", "perhaps", "HOTSEAT_DEBUG must be 1 or 0."),
        ("HOTSEAT_SWITCH", "pbx", "HOTSEAT_SWITCH must be one of simulator, asterisk."),
        ("HOTSEAT_TIME_ZONE", "Mars/Base", "HOTSEAT_TIME_ZONE must be an IANA time zone like Asia/Shanghai."),
        ("HOTSEAT_SOUNDS_DIR", "sounds", "HOTSEAT_SOUNDS_DIR must be an absolute path."),
        ("HOTSEAT_SECRET_KEY", "short", "HOTSEAT_SECRET_KEY must have at least 32 characters."),
        ("DATABASE_URL", "mysql://h/d", "DATABASE_URL must be a URL like postgresql://host:port/…."),
        ("REDIS_URL", "redis://:port/", "REDIS_URL must be a URL like redis://host:port/…."),
        ("HOTSEAT_PROT", "80", "HOTSEAT_PROT is not a variable of Hotseat; see docs/configuration.md."),
        ("HOTSEAT_SWITCH", "asterisk", "HOTSEAT_ARI_PASSWORD is not set, but HOTSEAT_SWITCH=asterisk needs it."),
    ],
)
def test_a_wrong_value_is_named_with_what_it_must_be(name: str, value: str, sentence: str) -> None:
    assert problems(**{name: value}) == [sentence]


def test_proxies_must_be_addresses() -> None:
    (problem,) = problems(HOTSEAT_TRUSTED_PROXIES="10.0.0.0/8, proxy.example")
    assert problem.startswith("HOTSEAT_TRUSTED_PROXIES must be IP addresses or networks")


def test_debug_pages_are_refused_on_a_server_with_https() -> None:
    (problem,) = problems(HOTSEAT_DEBUG="1", HOTSEAT_HTTPS="1")
    assert "exclude each other" in problem


def test_the_document_shows_the_table_of_the_code() -> None:
    assert markdown() in Path(ROOT, "docs", "configuration.md").read_text(), "run: python -m config.env"


def test_no_variable_is_described_twice() -> None:
    names = [variable.name for variable in VARIABLES]
    assert len(names) == len(set(names))
