"""Skill expressions: what they mean, and that equal needs have one form."""

from __future__ import annotations

import contextlib
import time
from itertools import product

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from routing.expressions import ExpressionInvalid, canonical, parse_expression

pytestmark = pytest.mark.nodb

CODES = ("english", "loans", "trainee")
POINTS = list(product(range(6), repeat=len(CODES)))
OPERATORS = {
    ">=": lambda mine, level: mine >= level,
    "<=": lambda mine, level: mine <= level,
    "<": lambda mine, level: mine < level,
    ">": lambda mine, level: mine > level,
    "=": lambda mine, level: mine == level,
    "!=": lambda mine, level: mine != level,
}

needs = st.builds(
    lambda place, sign, level: (
        f"{CODES[place]} {sign} {level}",
        frozenset(point for point in POINTS if OPERATORS[sign](point[place], level)),
    ),
    st.integers(0, 2),
    st.sampled_from(list(OPERATORS)),
    st.integers(1, 5),
)
expressions = st.recursive(
    needs,
    lambda inner: st.one_of(
        st.builds(lambda one: (f"!({one[0]})", frozenset(POINTS) - one[1]), inner),
        st.builds(lambda one, other: (f"({one[0]}) & ({other[0]})", one[1] & other[1]), inner, inner),
        st.builds(lambda one, other: (f"({one[0]}) or ({other[0]})", one[1] | other[1]), inner, inner),
    ),
    max_leaves=8,
)
"""Texts, each with the agents (points of proficiencies) that meet it, worked out without the module's help."""

_forms: dict[frozenset[tuple[int, ...]], str] = {}


def met_by(text: str) -> frozenset[tuple[int, ...]]:
    """The agents that meet the text, asked one by one."""
    expression = parse_expression(text)
    return frozenset(
        point
        for point in POINTS
        if expression.fit({code: level for code, level in zip(CODES, point, strict=True) if level}) is not None
    )


@settings(max_examples=400, deadline=None, derandomize=True)
@given(expressions)
def test_an_expression_is_met_by_whom_it_says_and_has_one_form(drawn: tuple[str, frozenset[tuple[int, ...]]]) -> None:
    text, agents = drawn
    assert met_by(text) == agents
    form = canonical(text)
    assert (canonical(form), met_by(form)) == (form, agents)
    assert _forms.setdefault(agents, form) == form, "equal needs, however written, are one demand"


@pytest.mark.parametrize(
    ("text", "form"),
    [
        ("", ""),
        ("  ", ""),
        ("()", ""),
        ("english | !english", ""),
        ("loans and loans < 1", "!()"),
        ("!()", "!()"),
        ("french", "french>=1"),
        ("loans >= 1 & english >= 3", "english>=3&loans>=1"),
        (
            "french >= 3 & (loans | mortgages) & not trainee",
            "french>=3&loans>=1&!trainee|french>=3&mortgages>=1&!trainee",
        ),
        ("a >= 1 && a >= 3", "a>=3"),
        ("(a >= 4 & b) || (a < 4 & b)", "b>=1"),
        ("(a | b) & (a | c)", "a>=1|b>=1&c>=1"),
        ("a != 3", "a<=2|a>=4"),
        ("a = 3", "a=3"),
        ("a > 1 & a < 5", "a>=2&a<=4"),
    ],
)
def test_the_canonical_form(text: str, form: str) -> None:
    assert canonical(text) == form


@pytest.mark.parametrize(
    ("text", "skills", "fit"),
    [
        ("english >= 3 & loans", {"english": 4, "loans": 2, "cards": 5}, 6),
        ("english | french", {"english": 2, "french": 5}, 5),
        ("english & !trainee", {"english": 2}, 2),
        ("english & !trainee", {"english": 2, "trainee": 1}, None),
        ("english <= 2", {}, 0),
        ("", {}, 0),
    ],
)
def test_the_fit_is_the_best_sum_of_what_is_asked_for(text: str, skills: dict[str, int], fit: int | None) -> None:
    assert parse_expression(text).fit(skills) == fit


@pytest.mark.parametrize(
    ("text", "place", "said"),
    [
        ("english >= 6", 12, "from 1 to 5"),
        ("english >= 0", 12, "from 1 to 5"),
        ("english >=", 11, "from 1 to 5"),
        ("(english", 9, "not closed"),
        ("english french", 9, "expected"),
        ("english)", 8, "expected"),
        ("english &", 10, "code of a skill"),
        ("& english", 1, "code of a skill"),
        ("English", 1, "“E” has no meaning"),
        ("english @ 3", 9, "“@” has no meaning"),
        ("法语", 1, "“法” has no meaning"),
    ],
)
def test_a_text_that_is_none_is_refused_with_the_place(text: str, place: int, said: str) -> None:
    with pytest.raises(ExpressionInvalid) as error:
        parse_expression(text)
    assert error.value.place == place
    assert said in error.value.message


@pytest.mark.parametrize(
    "text",
    [
        " & ".join(f"(x{number} | y{number})" for number in range(8)),
        " & ".join(f"(x{number} | y{number} | z{number})" for number in range(6)),
        " | ".join(f"(x{number} >= 2 & x{(number + 1) % 9} < 3)" for number in range(9)),
        "(" * 400,
        "!" * 499 + "a",
    ],
)
def test_no_text_keeps_anybody_busy(text: str) -> None:
    began = time.process_time()
    with contextlib.suppress(ExpressionInvalid):
        parse_expression(text[:500])
    assert time.process_time() - began < 2.0
