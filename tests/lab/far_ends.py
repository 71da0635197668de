"""The callers and the phones of one test, all played by SIPp, and what they heard."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime

from deploy.lab.exchange import Lab
from deploy.lab.sipp import Caller, Phone, Phones, Sipp, call
from deploy.lab.sipp_log import FarCall

OVER_WITHIN_S = 60.0


class FarEnds:
    """Makes callers and phones, and knows their calls."""

    def __init__(self, lab: Lab) -> None:
        self.lab = lab
        self._sipps: list[Sipp] = []

    def call(self, caller: Caller) -> Sipp:
        """Place one call."""
        return self.keep(call(self.lab, caller))

    def keep(self, sipp: Sipp) -> Sipp:
        """Count this process's calls among the test's."""
        self._sipps.append(sipp)
        return sipp

    @contextmanager
    def phones(self, names: Sequence[str], behaviour: Phone) -> Iterator[Phones]:
        """Register phones that all behave alike, until the block ends."""
        phones = Phones(self.lab, names, behaviour)
        self.keep(phones)
        with phones:
            yield phones

    def call_ids(self) -> list[str]:
        """The SIP Call-IDs of all the calls so far."""
        return [far.call_id for sipp in self._sipps for far in sipp.calls()]

    def stop(self) -> None:
        """End what a failed test left."""
        for sipp in self._sipps:
            sipp.stop()


async def over(sipp: Sipp) -> FarCall:
    """The caller's one call, when it is over."""
    (only,) = await asyncio.to_thread(sipp.wait, OVER_WITHIN_S)
    return only


def left_at(far: FarCall) -> datetime:
    """When a call ended, by a BYE or a CANCEL of either side."""
    at = far.bye_at or far.cancelled_at
    assert at is not None, f"{far.call_id} is not over"
    return at
