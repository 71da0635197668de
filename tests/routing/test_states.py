"""Every pair of states, legal and illegal, through the one function that applies a transition."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product

import pytest

from agents.states import SESSION, SessionState
from routing.backup_states import ACTIVATION, DIVERSION, ActivationState, DiversionState
from routing.call_back_states import CALL_BACK, CallBackState
from routing.states import COMMAND, CONTACT, OFFER, CommandState, ContactState, OfferState
from tenants.public import Conflict, Transitions

pytestmark = pytest.mark.nodb

# Written out a second time on purpose: a change of a table must be made twice, knowingly.
LEGAL: dict[str, set[tuple[str, str]]] = {
    "contact": {
        ("arriving", "in_flow"), ("arriving", "queued"), ("arriving", "diverted"), ("arriving", "ended"),
        ("in_flow", "queued"), ("in_flow", "ended"),
        ("queued", "offered"), ("queued", "in_flow"), ("queued", "diverted"), ("queued", "ended"),
        ("offered", "connecting"), ("offered", "queued"), ("offered", "ended"),
        ("connecting", "engaged"), ("connecting", "queued"), ("connecting", "ended"),
        ("engaged", "queued"), ("engaged", "ended"),
        ("diverted", "arriving"), ("diverted", "queued"), ("diverted", "ended"),
    },
    "activation": {
        ("activating", "active"), ("activating", "failing_back"), ("activating", "failed"),
        ("active", "failing_back"), ("failing_back", "inactive"),
    },
    "diversion": {
        ("choosing", "dialling"), ("choosing", "announcing"), ("choosing", "over"),
        ("dialling", "talking"), ("dialling", "choosing"), ("dialling", "over"),
        ("talking", "choosing"), ("talking", "over"), ("announcing", "over"),
    },
    "call-back": {
        ("scheduled", "waiting"), ("scheduled", "dialling"), ("scheduled", "unreachable"), ("scheduled", "expired"),
        ("scheduled", "cancelled"),
        ("waiting", "dialling"), ("waiting", "scheduled"), ("waiting", "expired"), ("waiting", "cancelled"),
        ("dialling", "reached"), ("dialling", "scheduled"), ("dialling", "unreachable"), ("dialling", "expired"),
        ("dialling", "cancelled"),
        ("reached", "done"), ("reached", "scheduled"), ("reached", "unreachable"), ("reached", "expired"),
        ("done", "scheduled"), ("done", "unreachable"), ("done", "expired"),
    },
    "offer": {
        ("offered", "accepted"), ("offered", "rejected"), ("offered", "timed_out"), ("offered", "rescinded"),
        ("offered", "failed"),
        ("accepted", "connected"), ("accepted", "timed_out"), ("accepted", "rescinded"), ("accepted", "failed"),
    },
    "switch command": {("pending", "begun"), ("begun", "pending"), ("begun", "done"), ("begun", "failed")},
    "agent session": {
        ("not_ready", "ready"), ("not_ready", "not_ready"), ("not_ready", "wrap_up"), ("not_ready", "logged_out"),
        ("ready", "not_ready"), ("ready", "wrap_up"), ("ready", "logged_out"),
        ("wrap_up", "ready"), ("wrap_up", "not_ready"), ("wrap_up", "logged_out"),
    },
}  # fmt: skip

MACHINES = [
    (CONTACT, ContactState),
    (OFFER, OfferState),
    (COMMAND, CommandState),
    (SESSION, SessionState),
    (ACTIVATION, ActivationState),
    (DIVERSION, DiversionState),
    (CALL_BACK, CallBackState),
]
PAIRS = [(table, source, target) for table, states in MACHINES for source, target in product(states.values, repeat=2)]


@dataclass
class Thing:
    state: str


@pytest.mark.parametrize(("table", "source", "target"), PAIRS, ids=lambda part: getattr(part, "noun", part))
def test_a_transition_is_applied_or_refused_as_the_table_says(table: Transitions, source: str, target: str) -> None:
    thing = Thing(source)
    if (source, target) in LEGAL[table.noun]:
        table.apply(thing, target)
        assert thing.state == target
        return
    with pytest.raises(Conflict) as refused:
        table.apply(thing, target)
    assert thing.state == source
    assert (refused.value.code, refused.value.data) == ("illegal-transition", {"state": source, "wanted": target})
    assert source in refused.value.message
    assert target in refused.value.message


@pytest.mark.parametrize(("table", "states"), MACHINES, ids=lambda part: getattr(part, "noun", ""))
def test_every_state_is_in_its_table_and_can_be_reached_and_left(table: Transitions, states: type) -> None:
    values = set(states.values)  # type: ignore[attr-defined] # Django's Choices
    assert set(table.table) == values
    entered = {target for targets in table.table.values() for target in targets}
    first = {"contact": "arriving", "offer": "offered", "switch command": "pending", "agent session": "not_ready"}
    first |= {"activation": "activating", "diversion": "choosing", "call-back": "scheduled"}
    assert entered | {first[table.noun]} == values
    ends = {
        "contact": {"ended"}, "offer": {"connected", "rejected", "timed_out", "rescinded", "failed"},
        "switch command": {"done", "failed"}, "agent session": {"logged_out"},
        "activation": {"inactive", "failed"}, "diversion": {"over"},
        "call-back": {"unreachable", "expired", "cancelled"},
    }  # fmt: skip
    assert table.final() == ends[table.noun]
