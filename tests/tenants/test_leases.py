"""Leases: one holder at a time, and a fence that tells it from those before."""

from __future__ import annotations

from functools import partial

import psycopg
from django.db import connections

from tenants.public import Held, engine_scope, lease_is_ours, release_lease, take_lease
from tests.threads import at_once

NAME = "duty"


def _expire() -> None:
    with engine_scope() as scope, connections[scope.alias].cursor() as cursor:
        cursor.execute("UPDATE tenants_lease SET expires_at = clock_timestamp() - interval '1 ms'")


def test_it_is_taken_by_one_and_renewed_with_the_same_fence() -> None:
    first = take_lease(NAME, holder="a", seconds=30)
    assert first == Held(name=NAME, holder="a", fence=1)
    assert take_lease(NAME, holder="b", seconds=30) is None
    assert take_lease(NAME, holder="a", seconds=30) == first
    assert lease_is_ours(first)
    assert take_lease("another duty", holder="b", seconds=30) == Held(name="another duty", holder="b", fence=1)


def test_after_its_expiry_another_takes_it_with_the_next_fence_and_the_former_holder_is_refused() -> None:
    first = take_lease(NAME, holder="a", seconds=30)
    assert first is not None
    _expire()
    assert not lease_is_ours(first)
    second = take_lease(NAME, holder="b", seconds=30)
    assert second == Held(name=NAME, holder="b", fence=2)
    assert take_lease(NAME, holder="a", seconds=30) is None
    assert (lease_is_ours(first), lease_is_ours(second)) == (False, True)


def test_a_holder_that_let_it_expire_gets_a_new_fence_itself() -> None:
    first = take_lease(NAME, holder="a", seconds=30)
    assert first is not None
    _expire()
    again = take_lease(NAME, holder="a", seconds=30)
    assert again == Held(name=NAME, holder="a", fence=2)
    assert (lease_is_ours(first), lease_is_ours(again)) == (False, True)


def test_it_expires_by_the_databases_clock() -> None:
    held = take_lease(NAME, holder="a", seconds=0)
    assert held is not None
    assert not lease_is_ours(held)
    assert take_lease(NAME, holder="b", seconds=30) == Held(name=NAME, holder="b", fence=2)


def test_one_that_is_given_back_is_free_at_once_and_a_stale_holder_cannot_give_it_back() -> None:
    first = take_lease(NAME, holder="a", seconds=30)
    assert first is not None
    release_lease(first)
    second = take_lease(NAME, holder="b", seconds=30)
    assert second == Held(name=NAME, holder="b", fence=2)
    release_lease(first)
    assert lease_is_ours(second)


def test_of_many_that_reach_for_it_one_gets_it(admin_database_url: str) -> None:
    held = at_once([partial(take_lease, NAME, holder=f"holder {number}", seconds=30) for number in range(8)])
    (winner,) = [one for one in held if one is not None]
    assert winner.fence == 1
    with psycopg.connect(admin_database_url) as connection:
        rows = connection.execute("SELECT holder, fence FROM tenants_lease").fetchall()
    assert rows == [(winner.holder, 1)]
