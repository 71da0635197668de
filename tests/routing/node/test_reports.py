"""Which reports of the exchange have anything follow."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from routing.node.handling import is_of_consequence
from routing.services.outbound import outbound_name
from routing.services.situation import bridge_id
from routing.switch.port import LegBridged, LegEnded, LegUnbridged, SwitchEvent
from tenants.public import uuid7

pytestmark = pytest.mark.nodb

AT = datetime(2026, 11, 23, tzinfo=UTC)
OFFERS, OUTBOUND = bridge_id(uuid7()), outbound_name(uuid7())


@pytest.mark.parametrize(
    ("event", "follows"),
    [
        (LegBridged(channel="one", bridge=OFFERS, members=("one",), at=AT), False),
        (LegBridged(channel="two", bridge=OFFERS, members=("one", "two"), at=AT), True),
        (LegBridged(channel="one", bridge=OUTBOUND, members=("one",), at=AT), True),
        (LegUnbridged(channel="one", bridge=OFFERS, at=AT), False),
        (LegEnded(channel="one", at=AT, cause=16), True),
    ],
    ids=["half of a pair", "a pair", "a call to the outside", "parted", "ended"],
)
def test_a_report_takes_a_thread_only_when_something_follows(event: SwitchEvent, follows: bool) -> None:
    assert is_of_consequence(event) == follows
