"""Asterisk's events in the port's words, with events as a real Asterisk 22.10 sent them."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from routing.switch.asterisk_events import Translator, ending, places_of_ending, presentation, snapshot
from routing.switch.port import (
    CallArrived,
    Cause,
    ChannelState,
    EndpointChanged,
    LegAnswered,
    LegEnded,
    PlaybackFinished,
    Presentation,
)

pytestmark = pytest.mark.nodb

AT = "2026-11-22T19:26:15.241+0000"
LATER = "2026-11-22T19:26:17.500+0000"


def channel(*, name: str = "node1-1.5", state: str = "Up", data: str = "hotseat-node1,arrived", **more: Any) -> Any:
    return {
        "id": name,
        "protocol_id": "1-42@127.0.0.1",
        "state": state,
        "caller": {"name": "Li Lei", "number": "13800138000"},
        "dialplan": {"context": "to-hotseat", "exten": "s", "priority": 2, "app_name": "Stasis", "app_data": data},
        "creationtime": AT,
        "channelvars": {"HOTSEAT_DNIS": "4001", "HOTSEAT_PRESENTATION": "allowed_not_screened"},
    } | more


def event(kind: str, *, at: str = AT, **more: Any) -> Any:
    return {"type": kind, "timestamp": at, "application": "hotseat-node1", "channel": channel()} | more


@pytest.fixture
def translator() -> Translator:
    return Translator("hotseat-node1")


def test_an_incoming_call_arrives_with_its_numbers(translator: Translator) -> None:
    assert translator.translate(event("StasisStart", args=["arrived"])) == CallArrived(
        channel="node1-1.5",
        at=datetime(2026, 11, 22, 19, 26, 15, 241000, tzinfo=UTC),
        dnis="4001",
        ani="13800138000",
        ani_presentation=Presentation.ALLOWED,
        name="Li Lei",
        sip_call_id="1-42@127.0.0.1",
    )


def test_a_dialled_leg_is_answered_when_it_can_be_bridged_at_the_time_it_came_up(translator: Translator) -> None:
    leg = channel(name="leg", data="(Outgoing Line)")
    assert translator.translate(event("ChannelStateChange", channel=leg)) is None
    answered = translator.translate(event("StasisStart", at=LATER, args=["dialled"], channel=leg))
    assert isinstance(answered, LegAnswered)
    assert answered.at == datetime(2026, 11, 22, 19, 26, 15, 241000, tzinfo=UTC)


@pytest.mark.parametrize(
    ("cause", "status", "wanted"),
    [(None, None, (16, None)), (127, 487, (16, 487)), (38, None, (38, None))],
    ids=["BYE", "CANCEL", "network"],
)
def test_an_incoming_leg_ends_once_when_somebody_hangs_up(
    translator: Translator, cause: int | None, status: int | None, wanted: tuple[int, int | None]
) -> None:
    said: dict[str, Any] = {} if cause is None else {"cause": cause}
    said |= {} if status is None else {"tech_cause": status}
    ended = translator.translate(event("ChannelHangupRequest", **said))
    assert isinstance(ended, LegEnded)
    assert (ended.cause, ended.sip_status) == wanted
    assert translator.translate(event("ChannelHangupRequest", cause=32, soft=True)) is None
    assert translator.translate(event("StasisEnd", at=LATER)) is None


def test_an_incoming_leg_of_which_nobody_said_more_ends_as_it_leaves_the_application(translator: Translator) -> None:
    ended = translator.translate(event("StasisEnd"))
    assert isinstance(ended, LegEnded)
    assert (ended.cause, ended.sip_status) == (16, None)


def test_a_dialled_leg_whose_hangup_is_asked_for_has_not_ended(translator: Translator) -> None:
    leg = channel(name="leg", data="hotseat-node1,dialled")
    assert translator.translate(event("ChannelHangupRequest", channel=leg, cause=16)) is None


def test_a_leg_that_we_hung_up_ends_with_our_cause(translator: Translator) -> None:
    translator.hangup_requested("node1-1.5", 21)
    ended = translator.translate(event("ChannelHangupRequest", cause=32, soft=True))
    assert isinstance(ended, LegEnded)
    assert ended.cause == 21


def test_a_dialled_leg_ends_once_with_its_sip_status(translator: Translator) -> None:
    leg = channel(name="leg", data="hotseat-node1,dialled")
    assert translator.translate(event("StasisEnd", channel=leg)) is None
    ended = translator.translate(event("ChannelDestroyed", channel=leg, cause=17, tech_cause=486))
    assert isinstance(ended, LegEnded)
    assert (ended.key, ended.cause, ended.sip_status) == ("ended:leg", 17, 486)


def test_an_endpoint_is_told_only_when_it_changes(translator: Translator) -> None:
    def state(value: str) -> Any:
        told = event("EndpointStateChange", endpoint={"technology": "PJSIP", "resource": "acme-1001", "state": value})
        return translator.translate(told)

    assert [state("online"), state("online"), state("offline")] == [
        EndpointChanged(
            endpoint="acme-1001", reachable=True, at=datetime(2026, 11, 22, 19, 26, 15, 241000, tzinfo=UTC)
        ),
        None,
        EndpointChanged(
            endpoint="acme-1001", reachable=False, at=datetime(2026, 11, 22, 19, 26, 15, 241000, tzinfo=UTC)
        ),
    ]


def test_an_endpoint_that_was_listed_is_told_when_it_changes(translator: Translator) -> None:
    def listed(value: str) -> None:
        translator.endpoint_seen({"technology": "PJSIP", "resource": "acme-1001", "state": value})

    def told(value: str) -> Any:
        endpoint = {"technology": "PJSIP", "resource": "acme-1001", "state": value}
        change = translator.translate(event("EndpointStateChange", endpoint=endpoint))
        return None if change is None else change.reachable  # type: ignore[union-attr]

    listed("online")
    assert [told("online"), told("offline")] == [None, False]
    # A list that was made before the event says nothing any more.
    listed("online")
    assert [told("offline"), told("online")] == [None, True]


def test_a_playback_that_failed_says_so(translator: Translator) -> None:
    playback = {"id": "p1", "target_uri": "channel:node1-1.5", "state": "failed"}
    finished = translator.translate(event("PlaybackFinished", playback=playback))
    assert isinstance(finished, PlaybackFinished)
    assert (finished.channel, finished.playback, finished.failed) == ("node1-1.5", "p1", True)


def test_events_without_a_word_in_the_port_are_nothing(translator: Translator) -> None:
    assert translator.translate(event("ChannelVarset")) is None
    assert translator.translate(event("ChannelUserevent", eventname="somebody-else")) is None
    assert translator.translate(event("StasisStart", args=["unknown"])) is None


@pytest.mark.parametrize(
    ("text", "number", "wanted"),
    [
        ("allowed_passed_screen", "13800138000", Presentation.ALLOWED),
        ("prohib_not_screened", "13800138000", Presentation.RESTRICTED),
        ("allowed_not_screened", "anonymous", Presentation.RESTRICTED),
        ("unavailable", "", Presentation.UNAVAILABLE),
        ("", "", Presentation.UNAVAILABLE),
    ],
)
def test_presentation(text: str, number: str, wanted: Presentation) -> None:
    assert presentation(text, number=number) is wanted


def test_a_snapshot_tells_an_incoming_call_from_others() -> None:
    incoming = snapshot(channel(state="Ring"), application="hotseat-node1", ours=False)
    other = snapshot(channel(data="hotseat-node2,arrived"), application="hotseat-node1", ours=False)
    assert incoming.ours
    assert (incoming.state, incoming.answered) == (ChannelState.RINGING, False)
    assert incoming.arrival is not None
    assert (incoming.dnis, incoming.arrival.key) == ("4001", "arrived:node1-1.5")
    assert not other.ours
    assert other.arrival is None


@pytest.mark.parametrize(
    ("channel_id", "cause", "state", "told"),
    [
        ("node1-1795385937.7", 0, "Up", Cause.NORMAL_CLEARING),
        ("node1-1795385937.7", 127, "Ring", Cause.NORMAL_CLEARING),
        ("agent.01a204e3-4752-7a39-b8d6-089b67c3922e", 19, "Ringing", Cause.NO_ANSWER),
        ("agent.01a204e3-4752-7a39-b8d6-089b67c3922e", 16, "Up", Cause.NORMAL_UNSPECIFIED),
    ],
)
def test_the_dialplan_says_how_a_leg_ended(channel_id: str, cause: int, state: str, told: int) -> None:
    at = datetime(2026, 11, 22, 22, 18, 59, 921000, tzinfo=UTC)
    ended = LegEnded(channel=channel_id, at=at, cause=told, answered=state == "Up")
    assert ending(channel_id, f"{channel_id} 1795385939.921 {cause} {state}|") == ended


def test_an_ending_is_found_among_the_others_of_its_place() -> None:
    place = "node1-1795385937.135 1795385940.1 16 Up|node1-1795385937.7 1795385939.9 16 Up|node1-1795385900.7 17953858"
    ended = ending("node1-1795385937.7", place)
    assert ended is not None
    assert ended.at.timestamp() == 1795385939.9
    for missing in ("node1-1795385937.1", "node1-1795385900.7", "node1-1795385937.263"):
        assert ending(missing, place) is None
    assert ending("node1-1795385937.7", "") is None


def test_what_a_place_had_no_room_for_is_not_read() -> None:
    """Cut off, its state would be another."""
    assert ending("node1-1.7", "node1-1.135 1795385940.1 16 Up|node1-1.7 1795385939.9 16 U") is None


def test_callers_take_the_places_in_turn() -> None:
    assert places_of_ending("node1-1795385937.135") == (7, 136)
    assert places_of_ending("node.1-1795380000.7") == (7, 135)
    first, second = places_of_ending("agent.01a204e3-4752-7a39-b8d6-089b67c3922e")
    assert 0 <= first < 128 <= second < 255


def test_no_two_of_sixteen_thousand_callers_share_both_places() -> None:
    assert len({places_of_ending(f"node1-1795385937.{count}") for count in range(16_256)}) == 16_256
