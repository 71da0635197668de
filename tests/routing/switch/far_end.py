"""What the contract suite asks of the far ends, whoever plays them: SIPp against Asterisk, or the simulator's own."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import Literal, Protocol

from routing.switch.port import Switch


@dataclass(frozen=True, kw_only=True)
class CallerScript:
    """What a caller does. Seconds of the exchange's clock.

    ``keys`` are pressed once the call is answered; ``talk_s`` after the last of them the caller hangs up. Unanswered,
    they give up after ``patience_s``.
    """

    to: str = "4001"
    number: str = "13800138000"
    name: str = ""
    hidden: bool = False
    keys: str = ""
    talk_s: float = 1.0
    patience_s: float = 30.0


@dataclass(frozen=True, kw_only=True)
class PhoneScript:
    """What a telephone does with a call. ``ring_s`` None: rings in vain; ``talk_s`` None: never hangs up first."""

    ring_s: float | None = 0.2
    talk_s: float | None = None
    busy: bool = False
    silent: bool = False


@dataclass(frozen=True, kw_only=True)
class FarRecord:
    """One call as the far end saw it. ``ended_by`` is ``self`` when the far end hung up, gave up or refused."""

    sip_call_id: str
    answered: bool
    ended_by: Literal["self", "peer"] | None
    talk_s: float
    final_status: int | None = None


class FarCaller(Protocol):
    async def over(self) -> FarRecord:
        """Wait until the call is over."""
        ...


class FarPhone(Protocol):
    def calls(self) -> Sequence[FarRecord]:
        """The calls that rang here so far."""
        ...


class FarEnd(Protocol):
    """The world outside the exchange. ``switch`` is an adapter to the exchange, connected by nobody yet."""

    adapter: str
    switch: Switch
    phone: str
    unregistered_phone: str
    trunk: str

    async def call(self, script: CallerScript) -> FarCaller:
        """Let somebody call."""
        ...

    def telephone(self, script: PhoneScript) -> AbstractAsyncContextManager[FarPhone]:
        """Register ``phone`` for a while."""
        ...

    def outside(self, script: PhoneScript, *, number: str) -> AbstractAsyncContextManager[FarPhone]:
        """Let the telephones behind ``trunk`` behave so for a while; the calls are those to one number."""
        ...

    def sound(self, seconds: float) -> str:
        """A sound of that length, as the port names sounds."""
        ...

    async def cut(self) -> None:
        """Break the wire between the adapter and the exchange."""
        ...

    async def mend(self) -> None:
        """Restore the wire."""
        ...
