"""Callers and telephones played by SIPp against the lab's exchange."""

from __future__ import annotations

import os
import random
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from types import TracebackType
from typing import Self

from deploy.lab.endpoints import known
from deploy.lab.exchange import Lab, lab_dir
from deploy.lab.sipp_log import FarCall, calls
from deploy.lab.sound import key_tone, tone
from deploy.lab.tree import LabError

SCENARIOS = Path(__file__).with_name("scenarios")
_REFUSALS = (400, 401, 403, 404, 408, 410, 480, 484, 486, 487, 488, 500, 502, 503, 504, 600, 603)
_REASONS = {480: "Temporarily Unavailable", 486: "Busy Here", 503: "Service Unavailable", 603: "Decline"}
_FOREVER_MS = 3_600_000
# Above what the kernel gives away by itself (net.ipv4.ip_local_port_range), so that nothing else takes them meanwhile.
_SIGNALLING_PORTS = range(61_000, 65_000, 2)
_MEDIA_PORTS = range(40_000, 59_000, 400)
_KEPT_RUNS = 200
START_TIMEOUT_S = 5
REGISTER_TIMEOUT_S = 20


@dataclass(frozen=True, kw_only=True)
class Caller:
    """What one caller does. Seconds; the number dialled is the user part of the request URI, anything SIP allows.

    ``talk_s`` runs from the last key to the caller's BYE; ``patience_s`` from the last
    provisional answer to giving up.
    ``from_header`` replaces the whole From address (for hidden and malformed callers); ``headers`` are added.
    ``gap_s`` is the pause before each key; with ``info`` keys go by SIP INFO (``dtmf-relay``) instead of RFC 4733.
    """

    to: str
    number: str = "13800138000"
    name: str = ""
    keys: str = ""
    gap_s: float = 0.5
    info: bool = False
    talk_s: float = 2.0
    patience_s: float = 30.0
    from_header: str = ""
    headers: tuple[str, ...] = ()
    speaks: bool = False


@dataclass(frozen=True, kw_only=True)
class Phone:
    """How a telephone behaves. Seconds; ``talk_s`` ``None`` means it never hangs up, ``ring_s`` ``None`` that it only
    rings, 0 that it is picked up without ringing. ``status`` other than 0 refuses every call with it; ``silent`` says
    nothing at all. ``speaks_s`` seconds of a tone are sent after the answer. ``deeds`` are done after it, in order:
    ``("hold" | "retrieve", seconds later)`` by re-INVITE, ``("refer", seconds later)`` to ``refer_to``, which is to be
    declined."""

    ring_s: float | None = 0.0
    talk_s: float | None = None
    status: int = 0
    silent: bool = False
    speaks_s: float = 1.0
    deeds: tuple[tuple[str, float], ...] = ()
    refer_to: str = "15550009999"


class Sipp:
    """One SIPp process with its scenario and logs in a directory of its own."""

    def __init__(
        self, lab: Lab, scenario: str, arguments: Sequence[str], *, media_base: int = 0, port: int = 0
    ) -> None:
        self.directory = _work_dir()
        (self.directory / "scenario.xml").write_text(scenario)
        self.port = port or _free(_SIGNALLING_PORTS)
        self.log = self.directory / "messages.log"
        self.media_base = media_base or _free(_MEDIA_PORTS, width=2)
        command = ["sipp", "-sf", "scenario.xml", "-i", lab.host, "-mi", lab.host, "-p", str(self.port)]
        command += ["-mp", str(self.media_base), "-cp", str(self.port + 1), "-nostdin", "-timer_resol", "1"]
        command += ["-trace_msg", "-message_file", "messages.log", "-trace_err", "-error_file", "errors.log"]
        command += arguments
        command.append(f"{lab.host}:{lab.sip_port}")
        with (self.directory / "screen.log").open("wb") as screen:
            self.process = subprocess.Popen(
                command,
                cwd=self.directory,
                env=os.environ | {"TZ": "UTC", "TERM": "dumb"},
                stdin=subprocess.DEVNULL,
                stdout=screen,
                stderr=screen,
                start_new_session=True,
            )

    def calls(self) -> list[FarCall]:
        """The calls so far."""
        return calls(self.log)

    def wait(self, timeout_s: float) -> list[FarCall]:
        """Wait until SIPp has done its calls, whichever way they went. Raises ``LabError`` when it has not by then."""
        try:
            self.process.wait(timeout_s)
        except subprocess.TimeoutExpired as error:
            self.stop()
            raise LabError(f"SIPp had not finished after {timeout_s} s; see {self.directory}") from error
        if self.process.returncode not in (0, 1):
            raise LabError(f"SIPp failed with status {self.process.returncode}: {self._complaint()}")
        return self.calls()

    def _complaint(self) -> str:
        paths = [self.directory / "errors.log", self.directory / "screen.log"]
        return "\n".join(path.read_text(errors="replace") for path in paths if path.exists())[-1500:]

    def stop(self) -> None:
        """End the process now."""
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.stop()


def _work_dir() -> Path:
    """A directory for one run, under the lab's; the oldest of many are removed."""
    runs = lab_dir() / "sipp"
    runs.mkdir(parents=True, exist_ok=True)
    old = sorted(runs.iterdir(), key=lambda path: path.name)[:-_KEPT_RUNS]
    for path in old:
        shutil.rmtree(path, ignore_errors=True)
    return Path(tempfile.mkdtemp(prefix=f"{time.time_ns()}-", dir=runs))


def _free(ports: Sequence[int], *, width: int = 1) -> int:
    """One of some UDP ports, at random, that with its next ``width`` - 1 even neighbours nobody uses now."""
    for port in random.sample(ports, k=min(len(ports), 200)):
        if all(_is_free(port + 2 * step) for step in range(width)):
            return port
    raise LabError(f"No free UDP port in {ports}")


def _is_free(port: int) -> bool:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


# --- callers ----------------------------------------------------------------------------------------------------------


def call(lab: Lab, caller: Caller) -> Sipp:
    """Place one call. ``wait`` on the result for its end."""
    return Sipp(lab, caller_scenario(caller), ["-m", "1"])


def caller_scenario(caller: Caller) -> str:
    """The scenario of one caller's behaviour."""
    patience_ms = _ms(caller.patience_s)
    keys = "".join(_pause(caller.gap_s) + _key(caller, key, turn) for turn, key in enumerate(caller.keys))
    audio = _pcap(tone(caller.talk_s)) if caller.speaks else ""
    return _filled(
        "caller.xml",
        to=caller.to,
        headers="".join(f"{header}\n      " for header in caller.headers),
        refusals="\n".join(_refusal(status, patience_ms) for status in _REFUSALS),
        patience_ms=patience_ms,
        # Keys as sound's packets have the sound's own place; beside keys by request somebody may speak.
        **dict(zip(("keys", "audio"), (audio, keys) if caller.info else (keys, audio), strict=True)),
        talk_ms=_ms(caller.talk_s),
        **{"from": _sender(caller)},
    )


def _sender(caller: Caller) -> str:
    name = f'"{caller.name}" ' if caller.name else ""
    return caller.from_header or f"{name}<sip:{caller.number}@[local_ip]:[local_port]>"


def _key(caller: Caller, key: str, turn: int) -> str:
    """One key, as sound's packets or as a request."""
    if not caller.info:
        return _pcap(key_tone(key, turn))
    values = {"to": caller.to, "from": _sender(caller), "key": key, "cseq": str(2 + turn)}
    return _filled("caller_info_key.part.xml", **values)


def load_caller_scenario(*, to: str, talk_s: tuple[float, float], patience_s: float) -> str:
    """The scenario of many callers: numbers from an injected file, talk uniform between two numbers of seconds."""
    talks = f'  <pause distribution="uniform" min="{_ms(talk_s[0])}" max="{_ms(talk_s[1])}"/>'
    return _filled("load_caller.xml", to=to, patience_ms=_ms(patience_s), talks=talks)


def leaving_together_scenario(*, to: str, leave_at: datetime, answered: bool) -> str:
    """The scenario of many callers who all hang up at one moment (whole seconds): talking then, or waiting still."""
    until = _filled("pause_until.part.xml", until_s=str(round(leave_at.timestamp())))
    if answered:
        return _filled("load_caller.xml", to=to, patience_ms=str(_FOREVER_MS), talks=until)
    return _filled("load_waiter.xml", to=to, waits=until)


def _refusal(status: int, patience_ms: str) -> str:
    """SIPp takes the time-out of whichever of these it stands at, so each of them has it."""
    timeout = f'timeout="{patience_ms}" ontimeout="abandon"'
    return f'  <recv response="{status}" optional="true" next="refused" {timeout}></recv>'


def _ms(seconds: float) -> str:
    return str(max(1, round(1000 * seconds)))


def _pause(seconds: float) -> str:
    return f'  <pause milliseconds="{_ms(seconds)}"/>\n'


def _pcap(path: Path) -> str:
    return f'  <nop><action><exec play_pcap_audio="{path}"/></action></nop>\n'


def _filled(name: str, **values: str) -> str:
    text = (SCENARIOS / name).read_text()
    for key, value in values.items():
        text = text.replace("{{" + key + "}}", value)
    return text


# --- telephones -------------------------------------------------------------------------------------------------------


class Phones(Sipp):
    """Telephones that one SIPp process plays: all behave alike. Registered on entry, unregistered on exit."""

    def __init__(self, lab: Lab, names: Sequence[str], behaviour: Phone) -> None:
        super().__init__(lab, phone_scenario(behaviour), ["-l", "5000"])
        self.lab, self.names = lab, list(names)

    def __enter__(self) -> Self:
        try:
            await_listening(self.port, self.process)
            self.register()
        except BaseException:
            self.stop()
            raise
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        try:
            self.register(expires_s=0)
        finally:
            self.stop()

    def register(self, *, expires_s: int = 600) -> None:
        """Register all the telephones, or with 0 take their registrations back."""
        register(self.lab, self.names, contact_port=self.port, expires_s=expires_s)

    def calls_to(self, name: str) -> list[FarCall]:
        """The calls that rang one of the telephones so far."""
        return [call for call in self.calls() if call.user == name]


class Outside(Sipp):
    """Every telephone that the exchange's trunk leads to, played by one SIPp process: all behave alike."""

    def __init__(self, lab: Lab, behaviour: Phone) -> None:
        super().__init__(lab, phone_scenario(behaviour), ["-l", "5000"], port=lab.carrier_port)

    def __enter__(self) -> Self:
        try:
            await_listening(self.port, self.process)
        except BaseException:
            self.stop()
            raise
        return self

    def calls_to(self, number: str) -> list[FarCall]:
        """The calls to one of the numbers so far."""
        return [call for call in self.calls() if call.user == number]


def register(lab: Lab, names: Sequence[str], *, contact_port: int, expires_s: int) -> None:
    """Register telephones at a port of this machine. Raises ``LabError`` when one is refused."""
    endpoints = known()
    rows = ["SEQUENTIAL"]
    for name in names:
        if name not in endpoints:
            raise LabError(f"The exchange knows no telephone {name!r}: deploy.lab.endpoints.add first")
        password = endpoints[name].password or lab.phone_password
        rows.append(f"{name};{expires_s};[authentication username={name} password={password}]")
    with tempfile.NamedTemporaryFile("w", suffix=".csv", prefix="hotseat-register-") as data:
        data.write("\n".join(rows) + "\n")
        data.flush()
        arguments = ["-m", str(len(names)), "-r", "200", "-inf", data.name]
        sipp = Sipp(lab, _filled("register.xml", contact_port=str(contact_port)), arguments)
        sipp.wait(REGISTER_TIMEOUT_S)
    if sipp.process.returncode != 0:
        raise LabError(f"Registration refused for some of {', '.join(names[:5])} …; see {sipp.directory}")


def phone_scenario(behaviour: Phone) -> str:
    """The scenario of one telephone's behaviour."""
    if behaviour.silent:
        return _filled("phone_silent.xml")
    if behaviour.status:
        reason = _REASONS.get(behaviour.status, "Refused")
        return _filled("phone_refuses.xml", status=str(behaviour.status), reason=reason)
    talk = "" if behaviour.talk_s is None else f'timeout="{_ms(behaviour.talk_s)}" ontimeout="hangup"'
    audio = _pcap(tone(behaviour.speaks_s)) if behaviour.speaks_s else ""
    during = "".join(_deed(behaviour, deed, after_s, turn) for turn, (deed, after_s) in enumerate(behaviour.deeds))
    return _filled("phone_answers.xml", ring=_ring(behaviour.ring_s), talk=talk, audio=audio, during=during)


def _deed(behaviour: Phone, deed: str, after_s: float, turn: int) -> str:
    """Something that a telephone does in the middle of a call."""
    common = {"after_ms": _ms(after_s), "turn": str(turn), "cseq": str(turn + 1)}
    if deed == "refer":
        return _filled("phone_refers.part.xml", refer_to=behaviour.refer_to, **common)
    direction = {"hold": "sendonly", "retrieve": "sendrecv"}[deed]
    return _filled("phone_reinvites.part.xml", direction=direction, **common)


def _ring(ring_s: float | None) -> str:
    """Ring, listening for the caller's giving up. Not at all for a telephone that is picked up at once."""
    if ring_s == 0:
        return ""
    wait_ms = str(_FOREVER_MS) if ring_s is None else _ms(ring_s)
    return f"""  <send>
    <![CDATA[

      SIP/2.0 180 Ringing
      [last_Via:]
      [last_From:]
      [last_To:];tag=[pid]p[call_number]
      [last_Call-ID:]
      [last_CSeq:]
      Contact: <sip:phone@[local_ip]:[local_port]>
      Content-Length: 0

    ]]>
  </send>
  <recv request="CANCEL" timeout="{wait_ms}" ontimeout="answer" next="cancelled"></recv>
"""


def await_listening(port: int, process: subprocess.Popen[bytes]) -> None:
    """Wait until a UDP port is bound, which is when its process can hear."""
    deadline = time.monotonic() + START_TIMEOUT_S
    wanted = f":{port:04X}"
    while time.monotonic() < deadline:
        if any(line.split()[1].endswith(wanted) for line in Path("/proc/net/udp").read_text().splitlines()):
            return
        if process.poll() is not None:
            raise LabError(f"SIPp ended with status {process.returncode} before it listened")
        time.sleep(0.01)
    raise LabError(f"Nothing listens on port {port} after {START_TIMEOUT_S} s")
