"""Reading SIPp's log, and the figures of a benchmark made from two of them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

from deploy.lab.sipp_log import FarCall, calls
from tests.benchmarks.acd_load import SETUP_LOAD, Offered, Served, figures, gaps, overtaken, percentiles

T0 = datetime(2026, 11, 22, 19, 0, tzinfo=UTC)


def entry(second: float, direction: str, first: str, *, method: str = "INVITE", body: str = "") -> str:
    at = (T0 + timedelta(seconds=second)).strftime("%Y-%m-%d\t%H:%M:%S.%f")
    head = f"{first}\nFrom: <sip:13800138000@127.0.0.1>;tag=1\nCall-ID: a@b\nCSeq: 1 {method}\n"
    return f"----------------------------------------------- {at}\nUDP message {direction} bytes :\n\n{head}\n{body}\n"


def written(tmp_path: Path, *entries: str) -> list[FarCall]:
    log = tmp_path / "messages.log"
    log.write_text("".join(entries))
    return calls(log)


def test_an_answered_call(tmp_path: Path) -> None:
    (call,) = written(
        tmp_path,
        entry(0, "sent (500)", "INVITE sip:4001@127.0.0.1:5060 SIP/2.0", body="m=audio 40000 RTP/AVP 0\n"),
        entry(0.001, "received [300]", "SIP/2.0 100 Trying"),
        entry(0.002, "received [300]", "SIP/2.0 180 Ringing"),
        entry(1.5, "received [300]", "SIP/2.0 200 OK", body="m=audio 10000 RTP/AVP 0\n"),
        entry(1.6, "sent (300)", "ACK sip:4001@127.0.0.1:5060 SIP/2.0", method="ACK"),
        entry(4.0, "received [300]", "BYE sip:caller@127.0.0.1 SIP/2.0", method="BYE"),
        entry(4.1, "sent (300)", "SIP/2.0 200 OK", method="BYE"),
    )
    assert (call.user, call.incoming, call.media_port, call.final_status) == ("4001", False, 40000, 200)
    assert (call.ringing_at, call.ended_by) == (T0 + timedelta(seconds=0.002), "peer")
    assert call.talk_seconds == 2.5


def test_a_cancelled_call_keeps_who_ended_it(tmp_path: Path) -> None:
    (call,) = written(
        tmp_path,
        entry(0, "received [500]", "INVITE sip:acme-1001@127.0.0.1:5062 SIP/2.0"),
        entry(0.1, "sent (300)", "SIP/2.0 180 Ringing"),
        entry(5, "received [300]", "CANCEL sip:acme-1001@127.0.0.1:5062 SIP/2.0", method="CANCEL"),
        entry(5.1, "sent (300)", "SIP/2.0 487 Request Terminated"),
    )
    assert (call.ended_by, call.final_status, call.talk_seconds) == ("peer", 487, 0.0)
    assert call.cancelled_at == T0 + timedelta(seconds=5)


def test_a_log_that_is_still_written_gives_its_whole_messages(tmp_path: Path) -> None:
    whole = entry(0, "sent (500)", "INVITE sip:4001@127.0.0.1 SIP/2.0")
    (call,) = written(tmp_path, whole, entry(1, "received [300]", "SIP/2.0 200 OK")[:90])
    assert call.answered_at is None
    assert calls(tmp_path / "missing.log") == []


def far(number: int, *, invite: float, bye: float | None = None, user: str = "q", status: int = 200) -> FarCall:
    return FarCall(
        call_id=f"{user}-{number}",
        incoming=False,
        user=user,
        invite_at=T0 + timedelta(seconds=invite),
        headers=f"From: <sip:{13_900_000_000 + number}@127.0.0.1>;tag=1",
        answered_at=T0 + timedelta(seconds=invite),
        bye_at=None if bye is None else T0 + timedelta(seconds=bye),
        final_status=status,
    )


def test_a_gap_counts_only_while_somebody_waited() -> None:
    served = [
        Served(far(1, invite=0, bye=3), far(1, invite=0.1, user="a1")),
        Served(far(2, invite=1, bye=6), far(2, invite=3.5, user="a1")),
        Served(far(3, invite=9, bye=12), far(3, invite=9.1, user="a1")),
    ]
    assert gaps(served) == [500.0]


def test_overtaking_needs_more_than_fifty_milliseconds() -> None:
    legs = [far(n, invite=10 + n, user="a1") for n in range(3)]
    assert overtaken([Served(far(0, invite=0.04), legs[0]), Served(far(1, invite=0.0), legs[1])]) == 0
    assert overtaken([Served(far(0, invite=0.06), legs[0]), Served(far(1, invite=0.0), legs[1])]) == 1


def test_figures_pair_callers_with_legs_by_the_number_shown() -> None:
    shown = far(7, invite=0.25, user="a1")
    shown.headers = "From: <sip:+8613900000007@127.0.0.1>;tag=1"
    callers = [far(7, invite=0.0, bye=2), far(8, invite=0, status=503)]
    told = figures(Offered(load=SETUP_LOAD, callers=callers, agent_legs=[shown]))
    assert told["setup_ms"] == {"p50": 250.0, "p99": 250.0, "n": 1}
    assert (told["calls"], told["failed"]) == (2, 1)


def test_percentiles_are_of_the_nearest_rank() -> None:
    assert percentiles([float(n) for n in range(1, 101)]) == {"p50": 50.0, "p99": 99.0, "n": 100}
    assert percentiles([]) == {"p50": None, "p99": None, "n": 0}
