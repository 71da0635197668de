"""Calling numbers are known again by a keyed hash that does not tell them."""

from __future__ import annotations

import pytest
from pytest_django.fixtures import Settings

from tenants.public import calling_hash

pytestmark = pytest.mark.nodb

NUMBER = "+8675583660001"


def test_a_caller_is_known_again_and_told_from_others() -> None:
    assert calling_hash(NUMBER) == calling_hash(NUMBER)
    assert calling_hash(NUMBER) != calling_hash("+8675583660002")
    assert "83660001" not in calling_hash(NUMBER)


def test_a_hidden_number_has_no_hash() -> None:
    assert calling_hash("") == ""


def test_callers_are_known_again_after_the_secret_key_was_changed(settings: Settings) -> None:
    before = calling_hash(NUMBER)
    settings.SECRET_KEY = "another secret key of at least fifty characters, all new"
    assert calling_hash(NUMBER) == before


def test_nobody_without_the_hash_key_can_make_the_hash(settings: Settings) -> None:
    before = calling_hash(NUMBER)
    settings.HOTSEAT_HASH_KEY = "another key of at least thirty-two characters"
    assert calling_hash(NUMBER) != before
