"""Reading SIPp's message log: what the far end sent and heard, and when, by its own clock.

Latencies and durations that are claimed anywhere are taken from here, never from our own logs.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

_STAMP = re.compile(r"^-{20,} (\d{4}-\d\d-\d\d)[ \t](\d\d:\d\d:\d\d\.\d+)", re.MULTILINE)
_DIRECTION = re.compile(r"^\w+ message (sent|received) ", re.MULTILINE)
_CALL_ID = re.compile(r"^(?:Call-ID|i)[ \t]*:[ \t]*(\S+)", re.MULTILINE | re.IGNORECASE)
_CSEQ = re.compile(r"^CSeq[ \t]*:[ \t]*(\d+)[ \t]+(\w+)", re.MULTILINE | re.IGNORECASE)
_MEDIA = re.compile(r"^m=audio (\d+) ", re.MULTILINE)
_FIRST_FAILURE = 300
_OK = 200
_RINGING = (180, 183)


@dataclass(frozen=True, slots=True)
class Message:
    """One SIP message as SIPp logged it. ``method`` is the transaction's, for answers too."""

    at: datetime
    sent: bool
    text: str
    call_id: str
    method: str
    cseq: int
    status: int | None


@dataclass(slots=True)
class FarCall:
    """One call as the far end saw it. Times are aware, by SIPp's clock; ``None`` where it did not come to that.

    ``ended_by`` is ``self`` when this far end hung up or gave up, ``peer`` when the exchange did.
    """

    call_id: str
    incoming: bool
    user: str
    invite_at: datetime
    headers: str
    ringing_at: datetime | None = None
    answered_at: datetime | None = None
    bye_at: datetime | None = None
    cancelled_at: datetime | None = None
    ended_by: str | None = None
    final_status: int | None = None
    media_port: int | None = None
    first_rtp_at: datetime | None = None
    reinvites: list[datetime] = field(default_factory=list)

    @property
    def talk_seconds(self) -> float:
        """From the answer to the BYE; 0 where either is missing."""
        if self.answered_at is None or self.bye_at is None:
            return 0.0
        return (self.bye_at - self.answered_at).total_seconds()

    def header(self, name: str) -> str:
        """A header of the INVITE, or an empty string."""
        found = re.search(rf"^{re.escape(name)}[ \t]*:[ \t]*(.*?)\r?$", self.headers, re.MULTILINE | re.IGNORECASE)
        return found.group(1) if found else ""


def messages(log: Path) -> Iterator[Message]:
    """The whole messages of a log that may still be written to."""
    if not log.exists():
        return
    text = log.read_text(errors="replace")
    stamps = list(_STAMP.finditer(text))
    for index, stamp in enumerate(stamps):
        end = stamps[index + 1].start() if index + 1 < len(stamps) else len(text)
        message = _message(stamp, text[stamp.end() : end])
        if message is not None:
            yield message


def _message(stamp: re.Match[str], block: str) -> Message | None:
    direction, call_id, cseq = _DIRECTION.search(block), _CALL_ID.search(block), _CSEQ.search(block)
    if direction is None or call_id is None or cseq is None:
        return None
    text = block[block.index("\n", direction.start()) :].lstrip()
    status = int(text[8:11]) if text.startswith("SIP/2.0 ") else None
    at = datetime.fromisoformat(f"{stamp.group(1)}T{stamp.group(2)[:15]}").replace(tzinfo=UTC)
    return Message(
        at=at,
        sent=direction.group(1) == "sent",
        text=text,
        call_id=call_id.group(1),
        method=cseq.group(2),
        cseq=int(cseq.group(1)),
        status=status,
    )


def calls(log: Path) -> list[FarCall]:
    """The calls of a log, in the order of their INVITEs."""
    found: dict[str, FarCall] = {}
    for message in messages(log):
        call = found.get(message.call_id)
        if call is not None:
            _apply(call, message)
        elif message.method == "INVITE" and message.status is None:
            found[message.call_id] = _begin(message)
    return list(found.values())


def _begin(message: Message) -> FarCall:
    user = re.match(r"INVITE sip:([^@;>\s]*)", message.text)
    return FarCall(
        call_id=message.call_id,
        incoming=not message.sent,
        user=user.group(1) if user else "",
        invite_at=message.at,
        headers=message.text.split("\r\n\r\n")[0].split("\n\n")[0],
        media_port=_media_port(message) if message.sent else None,
    )


def _media_port(message: Message) -> int | None:
    media = _MEDIA.search(message.text)
    return int(media.group(1)) if media else None


def _apply(call: FarCall, message: Message) -> None:
    if message.status is None:
        _apply_request(call, message)
    elif message.method == "INVITE":
        _apply_answer(call, message)


def _apply_request(call: FarCall, message: Message) -> None:
    who = "self" if message.sent else "peer"
    if message.method == "BYE" and call.bye_at is None:
        call.bye_at, call.ended_by = message.at, who
    elif message.method == "CANCEL" and call.cancelled_at is None:
        call.cancelled_at, call.ended_by = message.at, who
    elif message.method == "INVITE" and call.answered_at is not None:
        call.reinvites.append(message.at)


def _apply_answer(call: FarCall, message: Message) -> None:
    status = message.status or 0
    if status in _RINGING and call.ringing_at is None:
        call.ringing_at = message.at
    elif status == _OK and call.answered_at is None:
        call.answered_at, call.final_status = message.at, status
        if message.sent:
            call.media_port = _media_port(message)
    elif status >= _FIRST_FAILURE and call.final_status is None:
        call.final_status = status
        call.ended_by = call.ended_by or ("self" if message.sent else "peer")
