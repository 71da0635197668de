"""Skill expressions: what a contact needs of an agent. ``french >= 3 & (loans | mortgages) & !trainee``.

Two expressions that the same agents meet have the same canonical form, however they were written. An agent's skills
are a point, a proficiency from 0 (none) to 5 for each code, and an expression is the set of points that meet it. A
*box* gives a range for some of the codes and leaves the others open. The canonical form is the list of all boxes inside
the set that lie in no larger one: the prime implicants of a Boolean function (Blake's canonical form, 1937), for ranges
instead of truth values. They are found by consensus, and a set has only one such list. Proof: let the list be closed
under consensus, and take the smallest box of the set that lies in none of the list. It is more than a point, so it can
be cut in two within one code; each half lies in a box of the list, and the consensus of these two there has both.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise, product

from django.utils.translation import gettext as _

LOWEST, HIGHEST = 0, 5
"""Proficiencies: 0 is an agent without the skill."""

MOST_BOXES = 64
MOST_CHARACTERS = 2000
"""What a canonical form may have: a longer one would be no use to anybody, and its verdicts cost time."""

MOST_ON_THE_WAY = 8 * MOST_BOXES
"""How many boxes may have to be compared on the way there, so that no text keeps anybody busy."""

DEEPEST = 20
"""How many brackets may be open at once."""

Range = tuple[int, int]
Box = frozenset[tuple[str, Range]]
"""Codes with the range that each must be in. Codes that are not named may have any."""

TOKEN = re.compile(r"\s*(?:(?P<code>[a-z0-9][a-z0-9_-]*)|(?P<sign>>=|<=|!=|&&|\|\||[()&|!<>=]))")
WORDS = {"and": "&", "or": "|", "not": "!", "&&": "&", "||": "|"}
LEVELS = {">=", "<=", "!=", "<", ">", "="}


class ExpressionInvalid(ValueError):
    """The text is no skill expression. `place` is the character, from 1, at which it fails."""

    def __init__(self, message: str, *, place: int) -> None:
        super().__init__(message)
        self.message, self.place = message, place


@dataclass(frozen=True, slots=True)
class SkillExpression:
    """A canonical expression. No boxes: nobody can meet it. One empty box: everybody does."""

    boxes: tuple[Box, ...]

    @property
    def is_impossible(self) -> bool:
        """Whether no agent could meet it, whatever they can."""
        return not self.boxes

    @property
    def codes(self) -> frozenset[str]:
        """The skills that it depends on."""
        return frozenset(code for box in self.boxes for code, _range in box)

    def fit(self, skills: Mapping[str, int]) -> int | None:
        """Return how well these skills (code → 1 to 5) meet it: larger is better. None when they do not.

        It is the sum of the proficiencies in what is asked for; of several ways to meet it, the best.
        """
        met = (box for box in self.boxes if all(_within(skills.get(code, LOWEST), span) for code, span in box))
        return max((_sum(box, skills) for box in met), default=None)

    def __str__(self) -> str:
        """The canonical form; it can be parsed again."""
        if self.boxes == (frozenset(),):
            return ""
        if not self.boxes:
            return "!()"
        return "|".join("&".join(_needs(box)) for box in self.boxes)


@lru_cache(maxsize=4096)
def parse_expression(text: str) -> SkillExpression:
    """Read a skill expression; an empty one is met by everybody.

    ``french`` is anyone who has the skill at all; ``french >= 3`` (also ``<= < > = !=``) asks for a proficiency from
    1 to 5; ``&`` or ``and`` binds tighter than ``|`` or ``or``; ``!`` or ``not``; brackets. Raises ExpressionInvalid.
    """
    boxes = _Reader(text).read()
    found = SkillExpression(tuple(sorted(boxes, key=lambda box: (len(box), sorted(box)))))
    if len(str(found)) > MOST_CHARACTERS:
        raise _too_complicated()
    return found


def canonical(text: str) -> str:
    """Return the canonical form of a skill expression. Raises ExpressionInvalid."""
    return str(parse_expression(text))


class _Reader:
    """Reads by recursive descent. Each method returns the boxes of what it read: of its contrary, where `contrary`."""

    def __init__(self, text: str) -> None:
        self.tokens = list(_tokens(text))
        self.at = self.depth = 0

    def read(self) -> set[Box]:
        if self.sign == "":
            return {frozenset()}
        boxes = self.any_of(contrary=False)
        if self.sign != "":
            raise self.error(_("Here “&”, “|” or the end is expected."))
        return boxes

    @property
    def sign(self) -> str:
        return self.tokens[self.at][0]

    def error(self, message: str) -> ExpressionInvalid:
        return ExpressionInvalid(message, place=self.tokens[self.at][1] + 1)

    def take(self, *signs: str) -> str:
        """Go past the next sign if it is one of these; return it, or ""."""
        if self.sign and self.sign in signs:
            self.at += 1
            return self.tokens[self.at - 1][0]
        return ""

    def any_of(self, *, contrary: bool) -> set[Box]:
        boxes = self.all_of(contrary=contrary)
        while self.take("|"):
            other = self.all_of(contrary=contrary)
            boxes = _both(boxes, other) if contrary else _primes(boxes | other)
        return boxes

    def all_of(self, *, contrary: bool) -> set[Box]:
        boxes = self.one(contrary=contrary)
        while self.take("&"):
            other = self.one(contrary=contrary)
            boxes = _primes(boxes | other) if contrary else _both(boxes, other)
        return boxes

    def one(self, *, contrary: bool) -> set[Box]:
        while self.take("!"):
            contrary = not contrary
        if self.take("("):
            return self.bracket(contrary=contrary)
        if not self.sign or not (self.sign[0].isalnum()):
            raise self.error(_("Here the code of a skill is expected."))
        return self.skill(contrary=contrary)

    def bracket(self, *, contrary: bool) -> set[Box]:
        if self.take(")"):
            return set() if contrary else {frozenset()}
        self.depth += 1
        if self.depth > DEEPEST:
            raise self.error(_("The brackets are nested too deep."))
        boxes = self.any_of(contrary=contrary)
        if not self.take(")"):
            raise self.error(_("A bracket is not closed."))
        self.depth -= 1
        return boxes

    def skill(self, *, contrary: bool) -> set[Box]:
        code = self.sign
        self.at += 1
        met = range(LOWEST + 1, HIGHEST + 1)
        if sign := self.take(*LEVELS):
            level = self.level()
            met_by = {
                ">=": range(level, HIGHEST + 1),
                "<=": range(LOWEST, level + 1),
                "!=": [each for each in range(LOWEST, HIGHEST + 1) if each != level],
                "<": range(LOWEST, level),
                ">": range(level + 1, HIGHEST + 1),
                "=": range(level, level + 1),
            }
            return _boxes_of(code, met_by[sign], contrary=contrary)
        return _boxes_of(code, met, contrary=contrary)

    def level(self) -> int:
        if not self.sign.isdecimal() or not LOWEST < int(self.sign) <= HIGHEST:
            raise self.error(_("A proficiency is a number from 1 to 5."))
        self.at += 1
        return int(self.tokens[self.at - 1][0])


def _tokens(text: str) -> Iterator[tuple[str, int]]:
    """Signs and codes with where they begin; the end is ""."""
    text, at = text.rstrip(), 0
    while at < len(text):
        found = TOKEN.match(text, at)
        if found is None:
            blank = len(text[at:]) - len(text[at:].lstrip())
            wrong = text[at + blank]
            message = _("“%(sign)s” has no meaning here. Skills are named by their codes, in small letters.")
            raise ExpressionInvalid(message % {"sign": wrong}, place=at + blank + 1)
        token = found["code"] or found["sign"]
        yield WORDS.get(token, token), found.start(found.lastgroup or 0)
        at = found.end()
    yield "", len(text)


def _boxes_of(code: str, met: Iterable[int], *, contrary: bool) -> set[Box]:
    """The ranges of one code in which these proficiencies lie, or in which all others do."""
    levels = set(met)
    if contrary:
        levels = set(range(LOWEST, HIGHEST + 1)) - levels
    ordered = sorted(levels)
    ends = [0, *(place for place, (one, other) in enumerate(pairwise(ordered), 1) if other > one + 1), len(ordered)]
    runs = [ordered[begin:end] for begin, end in pairwise(ends)] if ordered else []
    return {_box({code: (run[0], run[-1])}) for run in runs}


def _box(spans: Mapping[str, Range]) -> Box:
    return frozenset((code, span) for code, span in spans.items() if span != (LOWEST, HIGHEST))


def _both(some: Iterable[Box], others: Iterable[Box]) -> set[Box]:
    """What lies in one of `some` and in one of `others`."""
    pairs = product(some, others)
    return _primes({met for one, other in pairs if (met := _overlap(one, other)) is not None})


def _overlap(one: Box, other: Box, *, but_for: str = "") -> Box | None:
    """The box of what lies in both, whatever the proficiency in `but_for` is; None for none."""
    spans, theirs = dict(one), dict(other)
    for code, (low, high) in theirs.items():
        mine = spans.get(code, (LOWEST, HIGHEST))
        spans[code] = (max(mine[0], low), min(mine[1], high))
        if code != but_for and spans[code][0] > spans[code][1]:
            return None
    if but_for:
        (low, high), (begin, end) = dict(one)[but_for], theirs[but_for]
        spans[but_for] = (min(low, begin), max(high, end))
    return _box(spans)


def _primes(boxes: set[Box]) -> set[Box]:
    """All the largest boxes within what these cover together: closed under consensus, none inside another."""
    found = _largest(boxes)
    while True:
        if len(found) > MOST_BOXES:
            raise _too_complicated()
        more = {new for new in _consensus(found) if not any(_lies_in(new, box) for box in found)}
        if not more:
            return found
        found = _largest(found | more)


def _consensus(boxes: set[Box]) -> Iterator[Box]:
    """For each two boxes and each code in which their ranges touch: what joins them there."""
    ordered = list(boxes)
    for number, one in enumerate(ordered):
        mine = dict(one)
        for other in ordered[:number]:
            for code, (low, high) in other:
                if code in mine and mine[code][0] <= high + 1 and low <= mine[code][1] + 1:
                    joined = _overlap(one, other, but_for=code)
                    if joined is not None:
                        yield joined


def _largest(boxes: set[Box]) -> set[Box]:
    if len(boxes) > MOST_ON_THE_WAY:
        raise _too_complicated()
    return {box for box in boxes if not any(box != other and _lies_in(box, other) for other in boxes)}


def _lies_in(box: Box, other: Box) -> bool:
    spans = dict(box)
    return all(
        low <= spans.get(code, (LOWEST, HIGHEST))[0] and spans.get(code, (LOWEST, HIGHEST))[1] <= high
        for code, (low, high) in other
    )


def _within(level: int, span: Range) -> bool:
    return span[0] <= level <= span[1]


def _sum(box: Box, skills: Mapping[str, int]) -> int:
    return sum(skills.get(code, LOWEST) for code, (low, _high) in box if low > LOWEST)


def _needs(box: Box) -> Iterator[str]:
    for code, (low, high) in sorted(box):
        if high == LOWEST:
            yield f"!{code}"
        elif low == high < HIGHEST:
            yield f"{code}={low}"
        else:
            yield from ([f"{code}>={low}"] if low > LOWEST else [])
            yield from ([f"{code}<={high}"] if high < HIGHEST else [])


def _too_complicated() -> ExpressionInvalid:
    return ExpressionInvalid(_("The expression is too complicated: it has too many ways to be met."), place=1)
