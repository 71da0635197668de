"""The contract of the switch port on a real Asterisk; SIPp plays the far ends and keeps their times."""

from __future__ import annotations

import asyncio
import wave
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, cast

import pytest

from deploy.lab import exchange
from deploy.lab.exchange import Lab
from deploy.lab.sipp import Caller, Outside, Phone, Phones, Sipp, call
from deploy.lab.sipp_log import FarCall
from routing.switch.ari import AriClient
from routing.switch.asterisk import AsteriskSwitch
from tests.lab.wire import Wire
from tests.routing.switch.contract import SwitchContract
from tests.routing.switch.far_end import CallerScript, FarRecord, PhoneScript

pytestmark = [pytest.mark.lab, pytest.mark.nodb]

KEY_GAP_S = 0.3
OVER_WITHIN_S = 60.0
_HIDDEN = {
    "from_header": '"Anonymous" <sip:anonymous@anonymous.invalid>',
    "headers": ("P-Asserted-Identity: <sip:13800138000@127.0.0.1>", "Privacy: id"),
}


def record_of(far: FarCall) -> FarRecord:
    return FarRecord(
        sip_call_id=far.call_id,
        answered=far.answered_at is not None,
        ended_by=cast(Literal["self", "peer"] | None, far.ended_by),
        talk_s=far.talk_seconds,
        final_status=far.final_status,
    )


def _behaviour(script: PhoneScript) -> Phone:
    status = 486 if script.busy else 0
    return Phone(ring_s=script.ring_s, talk_s=script.talk_s, status=status, silent=script.silent)


@dataclass
class SippCaller:
    sipp: Sipp

    async def over(self) -> FarRecord:
        (only,) = await asyncio.to_thread(self.sipp.wait, OVER_WITHIN_S)
        return record_of(only)


@dataclass
class SippPhone:
    phones: Phones | Outside
    name: str

    def calls(self) -> Sequence[FarRecord]:
        return [record_of(far) for far in self.phones.calls_to(self.name)]


class SippFarEnd:
    adapter = "asterisk"
    phone = "lab-1001"
    unregistered_phone = "lab-1003"
    trunk = "trunk"

    def __init__(self, lab: Lab, wire: Wire) -> None:
        self._lab, self._wire = lab, wire
        self._callers: list[Sipp] = []
        url = f"http://{lab.host}:{wire.port}/ari"
        client = AriClient(url=url, user=lab.ari_user, password=lab.ari_password)
        self.switch = AsteriskSwitch(client=client, node=lab.node)

    async def call(self, script: CallerScript) -> SippCaller:
        caller = Caller(
            to=script.to,
            number=script.number,
            name=script.name,
            keys=script.keys,
            gap_s=KEY_GAP_S,
            talk_s=script.talk_s,
            patience_s=script.patience_s,
            from_header=str(_HIDDEN["from_header"]) if script.hidden else "",
            headers=tuple(_HIDDEN["headers"]) if script.hidden else (),
        )
        sipp = await asyncio.to_thread(call, self._lab, caller)
        self._callers.append(sipp)
        return SippCaller(sipp)

    @asynccontextmanager
    async def telephone(self, script: PhoneScript) -> AsyncIterator[SippPhone]:
        phones = await asyncio.to_thread(Phones, self._lab, [self.phone], _behaviour(script))
        await asyncio.to_thread(phones.__enter__)
        try:
            yield SippPhone(phones, self.phone)
        finally:
            await asyncio.to_thread(phones.__exit__, None, None, None)

    @asynccontextmanager
    async def outside(self, script: PhoneScript, *, number: str) -> AsyncIterator[SippPhone]:
        outside = await asyncio.to_thread(Outside, self._lab, _behaviour(script))
        await asyncio.to_thread(outside.__enter__)
        try:
            yield SippPhone(outside, number)
        finally:
            await asyncio.to_thread(outside.__exit__, None, None, None)

    def sound(self, seconds: float) -> str:
        path = Path(self._lab.sounds_dir) / f"contract-{seconds}"
        with wave.open(f"{path}.wav", "wb") as sound:
            sound.setnchannels(1)
            sound.setsampwidth(2)
            sound.setframerate(8000)
            sound.writeframes(bytes(round(seconds * 8000) * 2))
        return str(path)

    async def cut(self) -> None:
        await self._wire.cut()

    async def mend(self) -> None:
        await self._wire.mend()

    def stop(self) -> None:
        """Leave the exchange as it was: without bridges, and without the callers of a failed test."""
        for sipp in self._callers:
            sipp.stop()
        for bridge in cast("list[dict[str, str]]", exchange.ari(self._lab, "GET", "/bridges")):
            exchange.ari(self._lab, "DELETE", f"/bridges/{bridge['id']}")


class TestAsterisk(SwitchContract):
    @pytest.fixture
    async def far(self, lab: Lab) -> AsyncIterator[SippFarEnd]:
        async with Wire(lab.host, lab.http_port) as wire:
            far = SippFarEnd(lab, wire)
            yield far
            far.stop()
