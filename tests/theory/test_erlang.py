"""The formulas against published figures, and the recursion against the formulas."""

from __future__ import annotations

import pytest

from tests.theory import erlang
from tests.theory.loads import LOADS, Load
from tests.theory.long_run import BOUND, compare, expected, measure

pytestmark = pytest.mark.nodb


@pytest.mark.parametrize(
    ("agents", "offered"),
    [(1, "0.0101"), (2, "0.153"), (5, "1.36"), (10, "4.46"), (20, "12.0"), (50, "37.9"), (100, "84.1")],
)
def test_blocking_is_that_of_the_published_table(agents: int, offered: str) -> None:
    """The column of 1 % of any table of Erlang B, such as ITU-D's Teletraffic Engineering Handbook (Iversen); it has
    three digits."""
    half_a_digit = 0.5 * 10.0 ** -len(offered.partition(".")[2])
    least, most = (erlang.erlang_b(agents, float(offered) + sign * half_a_digit) for sign in (-1, 1))
    assert least < 0.01 < most


@pytest.mark.parametrize("load", [0.1, 0.5, 0.9])
def test_waiting_with_one_and_two_agents_is_the_closed_form(load: float) -> None:
    assert erlang.erlang_c(1, load) == pytest.approx(load)
    assert erlang.erlang_c(2, 2 * load) == pytest.approx(2 * load**2 / (1 + load))


def test_too_much_load_is_refused_where_nobody_gives_up() -> None:
    with pytest.raises(ValueError, match="too much"):
        erlang.erlang_c(4, 4.0)


def test_both_formulas_give_the_published_example() -> None:
    """Garnett, Mandelbaum and Reiman, "Designing a Call Center with Impatient Customers", M&SOM 4 (2002), table 1: 50
    agents, 48 calls a minute, service 1 minute, patience 2 minutes."""
    waits = erlang.patient(agents=50, offered=48, service_s=60)
    assert (round(waits.mean_wait_s, 1), round(waits.occupancy, 2)) == (20.8, 0.96)
    gives_up = erlang.impatient(agents=50, offered=48, service_s=60, patience_s=120)
    assert round(gives_up.mean_wait_s, 1) == 3.7
    assert (round(gives_up.abandoned, 3), round(gives_up.occupancy, 2)) == (0.031, 0.93)


def test_great_patience_is_erlang_c() -> None:
    waits = erlang.patient(agents=6, offered=4.8, service_s=180)
    gives_up = erlang.impatient(agents=6, offered=4.8, service_s=180, patience_s=1e9)
    assert gives_up.mean_wait_s == pytest.approx(waits.mean_wait_s, rel=1e-4)
    assert gives_up.waiting == pytest.approx(waits.waiting, rel=1e-4)


@pytest.mark.parametrize("load", LOADS, ids=lambda load: load.name)
def test_the_recursion_comes_near_the_formula_already_in_a_short_run(load: Load) -> None:
    """Too few for the bound of 2 %, for which `make theory` has twenty million; a wrong formula is farther off."""
    assert compare(expected(load), measure(load, 200_000).measures) < 5 * BOUND
