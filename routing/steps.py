"""Routing steps: how what a contact needs of an agent widens while it waits, until it goes another way.

A queue's first step is what it requires. Each further step comes into force so many seconds after the contact came to
the queue, and either asks for other skills and raises the priority, or sends the contact to another queue.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from django.utils.translation import gettext as _

from routing.expressions import ExpressionInvalid, canonical, parse_expression

if TYPE_CHECKING:
    from routing.models import Queue

MOST_STEPS = 10
LONGEST_WAIT = 24 * 3600
PRIORITIES = range(-1000, 1001)
"""By how much a step may change a contact's priority."""

Problem = dict[str, str]


@dataclass(frozen=True, slots=True)
class RoutingStep:
    """One step. `after` is in seconds since the contact came to the queue; `expression` is canonical.

    `queue` is the code of the queue that the contact goes to: such a step is the last, and needs nobody.
    """

    after: int
    expression: str
    priority: int = 0
    queue: str = ""


def steps_of(queue: "Queue") -> tuple[RoutingStep, ...]:
    """Return the steps of a queue, what it requires first."""
    return tuple(read_steps(queue.requires, queue.steps))


def read_steps(requires: str, steps: Sequence[Mapping[str, Any]]) -> Iterator[RoutingStep]:
    """Return the steps that a queue with these values has. The values are sound (`problems_of_steps`)."""
    step = RoutingStep(0, canonical(requires))
    yield step
    for given in steps:
        expression = canonical(given["requires"]) if "requires" in given else step.expression
        step = RoutingStep(given["after"], expression, given.get("priority", 0), given.get("queue", ""))
        yield step


def codes_of(requires: str, steps: Sequence[Mapping[str, Any]]) -> dict[str, set[str]]:
    """Return the skills that sound values name, by the place where they do: "/requires", "/steps/0/requires", ..."""
    places = {"/requires": requires}
    places |= {f"/steps/{place}/requires": step["requires"] for place, step in enumerate(steps) if "requires" in step}
    return {place: set(parse_expression(text).codes) for place, text in places.items()}


def warnings_of(queue: "Queue") -> list[Problem]:
    """Return a warning for each step of the queue that no agent of the tenant meets."""
    return [_warning(number, step) for number, step in enumerate(steps_of(queue)) if number in queue.unserved]


def _warning(number: int, step: RoutingStep) -> Problem:
    pointer = f"/steps/{number - 1}/requires" if number else "/requires"
    if parse_expression(step.expression).is_impossible:
        return _problem(pointer, _("Nobody could ever have the skills that are asked for: they exclude each other."))
    message = _("No agent has the skills that are asked for: %(skills)s.")
    return _problem(pointer, message % {"skills": step.expression or _("there is no agent")})


def problems_of_requires(requires: Any, *, pointer: str = "/requires") -> list[Problem]:
    """Return what is wrong with a skill expression that somebody gave; at most one thing."""
    if not isinstance(requires, str):
        return [_problem(pointer, _("Write a skill expression, such as “french >= 3 & loans”."))]
    try:
        parse_expression(requires)
    except ExpressionInvalid as error:
        where = _("At character %(place)d: %(what)s") % {"place": error.place, "what": error.message}
        return [_problem(pointer, where)]
    return []


def problems_of_steps(steps: Any) -> list[Problem]:
    """Return all that is wrong with steps that somebody gave.

    They are a list of ``{"after": 20, "requires": "french", "priority": 1}``, of which the last may be
    ``{"after": 300, "queue": "sales"}``.
    """
    if not isinstance(steps, list) or not all(isinstance(step, dict) for step in steps):
        return [_problem("/steps", _("Give a list of steps."))]
    if len(steps) > MOST_STEPS:
        return [_problem("/steps", _("There may be %(most)d steps at most.") % {"most": MOST_STEPS})]
    problems: list[Problem] = []
    before = 0
    for place, step in enumerate(steps):
        pointer = f"/steps/{place}"
        problems += _problems_of_step(step, pointer, before=before, is_last=place == len(steps) - 1)
        if type(step.get("after")) is int:
            before = step["after"]
    return problems


def _problems_of_step(step: Mapping[str, Any], pointer: str, *, before: int, is_last: bool) -> Iterator[Problem]:
    for name in sorted(step.keys() - {"after", "requires", "priority", "queue"}):
        yield _problem(f"{pointer}/{name}", _("A step has “after”, and “requires”, “priority” or “queue”."))
    after = step.get("after")
    if type(after) is not int or not before < after <= LONGEST_WAIT:
        message = _("Each step begins later than the one before it: after more than %(before)d s, within a day.")
        yield _problem(f"{pointer}/after", message % {"before": before})
    if "requires" in step:
        yield from problems_of_requires(step["requires"], pointer=f"{pointer}/requires")
    if "priority" in step and (type(step["priority"]) is not int or step["priority"] not in PRIORITIES):
        yield _problem(f"{pointer}/priority", _("A step changes the priority by -1000 to 1000."))
    if "queue" not in step:
        if step.keys() <= {"after"}:
            yield _problem(pointer, _("The step changes nothing: give “requires”, “priority” or “queue”."))
        return
    if not isinstance(step["queue"], str) or not step["queue"]:
        yield _problem(f"{pointer}/queue", _("Give the code of a queue."))
    if "requires" in step:
        yield _problem(f"{pointer}/requires", _("Who goes to another queue needs nobody here."))
    if not is_last:
        yield _problem(pointer, _("The contact has left by then: only the last step leads to another queue."))


def _problem(pointer: str, message: str) -> Problem:
    return {"pointer": pointer, "message": message}
