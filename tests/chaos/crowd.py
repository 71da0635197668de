"""Callers and telephones of a bad day, played by SIPp."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import cycle

from deploy.lab.exchange import Lab
from deploy.lab.sipp import Sipp, load_caller_scenario
from deploy.lab.sipp_log import FarCall

FIRST_NUMBER = 447_700_100_000
PATIENCE_S = 120.0
DIGITS = 10
FIRST_MEDIA, LAST_MEDIA = 30_000, 32_764

_media = cycle(range(FIRST_MEDIA, LAST_MEDIA, 4))
"""A place of its own for each crowd's media: below those of single callers, of which there is room for fifty only."""


@dataclass(frozen=True, kw_only=True)
class Crowd:
    """`calls` callers of one number, `rate` a second, each from a number of its own, who wait to be answered.

    From the answer on each talks for a time between the two of `talk_s`, then hangs up.
    """

    to: str
    calls: int
    rate: float
    talk_s: tuple[float, float] = (1.0, 2.0)
    first_number: int = FIRST_NUMBER
    patience_s: float = PATIENCE_S


@contextmanager
def calling(lab: Lab, crowd: Crowd) -> Iterator[Sipp]:
    """The crowd calls; it is gone when the block ends."""
    with tempfile.NamedTemporaryFile("w", suffix=".csv", prefix="hotseat-numbers-") as numbers:
        numbers.write("SEQUENTIAL\n")
        numbers.writelines(f"{crowd.first_number + index}\n" for index in range(crowd.calls))
        numbers.flush()
        per_10_s = max(1, round(10 * crowd.rate))
        arguments = ["-m", str(crowd.calls), "-l", str(crowd.calls), "-inf", numbers.name]
        arguments += ["-r", str(per_10_s), "-rp", "10000"]
        scenario = load_caller_scenario(to=crowd.to, talk_s=crowd.talk_s, patience_s=crowd.patience_s)
        with Sipp(lab, scenario, arguments, media_base=next(_media)) as sipp:
            yield sipp


def number_of(call: FarCall) -> str:
    """Who calls, as both ends write it: the last ten digits of the From address."""
    return digits(call.header("From").partition("sip:")[2].partition("@")[0])


def digits(number: str) -> str:
    """The last ten digits, so that a number with and without its country code is one."""
    return "".join(character for character in number if character.isdigit())[-DIGITS:]
