"""One exchange for one checkout: configured from ``deploy/asterisk``, on loopback, its state in ``lab_dir``.

The root directory is shared with other checkouts and never written to. What is this checkout's own is bind-mounted in a
private mount namespace, so nothing is left mounted when the exchange ends, however it ends.
"""

from __future__ import annotations

import base64
import json
import os
import secrets
import shutil
import signal
import socket
import subprocess
import time
import urllib.error
import urllib.request
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from string import Template

from deploy.lab.tree import LabError, asterisk_version, cache_dir, ensure_tree, install_tools, locked, require_root, run

CHECKOUT = Path(__file__).resolve().parents[2]
TEMPLATES = CHECKOUT / "deploy" / "asterisk"
HOST = "127.0.0.1"
RTP_PORTS = 4000
START_TIMEOUT_S = 30
STOP_TIMEOUT_S = 3

# Files that are included and filled elsewhere, and files whose absence the exchange reports as an error.
_EMPTY = (
    "pjsip_phones.conf",
    "queue_members.conf",
    "acl.conf",
    "ccss.conf",
    "features.conf",
    "pjproject.conf",
    "queuerules.conf",
    "udptl.conf",
    "websocket_client.conf",
)

_ENTER = Template("""
set -e
echo $$$$ > $state/pid.partial
mv $state/pid.partial $state/pid
tree=$tree state=$state sounds=$sounds
mount --bind "$$tree" "$$tree"
mount -t proc proc "$$tree/proc"
mount --rbind /dev "$$tree/dev"
mount --bind "$$state" "$$tree/hotseat"
for file in hosts nsswitch.conf resolv.conf; do mount --bind "$$state/etc/$$file" "$$tree/etc/$$file"; done
mount --bind "$$sounds" "$$tree$$sounds"
mount -o remount,bind,ro "$$tree"
exec chroot "$$tree" /usr/sbin/asterisk -f -q -C /hotseat/etc/asterisk.conf
""")


@dataclass(frozen=True, kw_only=True)
class Lab:
    """Where the exchange is and how to speak to it; kept in ``lab.json`` for scripts, tests and ``make run``."""

    node: str
    host: str
    sip_port: int
    http_port: int
    carrier_port: int
    rtp_start: int
    rtp_end: int
    ari_url: str
    ari_user: str
    ari_password: str
    phone_password: str
    sounds_dir: str
    state_dir: str
    tree: str
    asterisk: str
    pid: int = 0
    pid_started: int = 0


def lab_dir() -> Path:
    """Where this exchange keeps its state: ``HOTSEAT_LAB_DIR``, else the checkout's ``var/lab``."""
    return Path(os.environ.get("HOTSEAT_LAB_DIR", CHECKOUT / "var" / "lab")).resolve()


def lab_file() -> Path:
    """The description of the lab, for whoever wants to use it."""
    return lab_dir() / "lab.json"


def load() -> Lab | None:
    """The lab as last set up in this checkout, running or not."""
    try:
        return Lab(**json.loads(lab_file().read_text()))
    except FileNotFoundError:
        return None


def save(lab: Lab) -> None:
    lab_file().parent.mkdir(parents=True, exist_ok=True)
    partial = lab_file().with_suffix(".partial")
    partial.write_text(json.dumps(asdict(lab), indent=2) + "\n")
    partial.chmod(0o600)
    partial.replace(lab_file())


# --- the process ------------------------------------------------------------------------------------------------------


def _started_at(pid: int) -> int:
    """When a process began, in clock ticks since boot; 0 when there is none. Tells a process from a later one."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return 0
    fields = stat.rpartition(")")[2].split()
    return 0 if fields[0] == "Z" else int(fields[19])


def is_running(lab: Lab) -> bool:
    return lab.pid > 0 and _started_at(lab.pid) == lab.pid_started


def ari(lab: Lab, method: str, path: str, *, timeout_s: float = 2.0) -> object:
    """One ARI request, for the lab's own needs. Raises ``urllib.error.URLError`` or ``OSError``."""
    request = urllib.request.Request(f"{lab.ari_url}{path}", method=method)  # noqa: S310 - our own http URL
    token = base64.b64encode(f"{lab.ari_user}:{lab.ari_password}".encode()).decode()
    request.add_header("Authorization", f"Basic {token}")
    with urllib.request.urlopen(request, timeout=timeout_s) as answer:  # noqa: S310 - our own http URL
        body = answer.read()
    return json.loads(body) if body else None


def _await_ready(lab: Lab) -> None:
    deadline = time.monotonic() + START_TIMEOUT_S
    while time.monotonic() < deadline:
        if not is_running(lab):
            log = Path(lab.state_dir, "console.log").read_text(errors="replace")[-2000:]
            raise LabError(f"Asterisk ended while starting; see {lab.state_dir}/log. It said:\n{log}")
        try:
            ari(lab, "GET", "/asterisk/ping")
            ari(lab, "GET", "/endpoints/PJSIP")
        except (urllib.error.URLError, OSError):
            time.sleep(0.1)
        else:
            return
    raise LabError(f"Asterisk did not answer on {lab.ari_url} within {START_TIMEOUT_S} s; see {lab.state_dir}/log")


def start(lab: Lab) -> Lab:
    """Start the exchange, detached, and wait until it answers. Returns the lab with its process id.

    Raises LabError when it does not, or when something else answers in its place.
    """
    if not _falls_silent(lab.http_port):
        raise LabError(f"Something else listens on {HOST}:{lab.http_port}: an exchange that a killed run left behind?")
    tree, state, sounds = Path(lab.tree), Path(lab.state_dir), Path(lab.sounds_dir)
    sounds.mkdir(parents=True, exist_ok=True)
    (tree / sounds.relative_to("/")).mkdir(parents=True, exist_ok=True)
    (state / "pid").unlink(missing_ok=True)
    script = _ENTER.substitute(tree=_quoted(tree), state=_quoted(state), sounds=_quoted(sounds))
    with (state / "console.log").open("ab") as console:
        subprocess.run(
            ["setsid", "--fork", "unshare", "--mount", "--propagation", "private", "--", "/bin/sh", "-c", script],
            check=True,
            stdin=subprocess.DEVNULL,
            stdout=console,
            stderr=console,
            cwd="/",
        )
    pid = _await_pid(state / "pid")
    running = replace(lab, pid=pid, pid_started=_started_at(pid))
    save(running)
    _await_ready(running)
    return running


def _await_pid(file: Path) -> int:
    """The shell that becomes Asterisk writes its id first of all."""
    deadline = time.monotonic() + START_TIMEOUT_S
    while time.monotonic() < deadline:
        if file.exists():
            return int(file.read_text())
        time.sleep(0.01)
    raise LabError(f"The exchange did not start; see {file.with_name('console.log')}")


def _quoted(path: Path) -> str:
    return "'" + str(path).replace("'", "'\\''") + "'"


def stop(lab: Lab) -> None:
    """End the exchange that this checkout started, and only that. Harmless when it is not running."""
    for number, patience_s in ((signal.SIGTERM, STOP_TIMEOUT_S), (signal.SIGKILL, STOP_TIMEOUT_S)):
        if not is_running(lab):
            break
        os.kill(lab.pid, signal.SIGCONT)
        os.kill(lab.pid, number)
        deadline = time.monotonic() + patience_s
        while is_running(lab) and time.monotonic() < deadline:
            time.sleep(0.05)
    save(replace(lab, pid=0, pid_started=0))


# --- configuration ----------------------------------------------------------------------------------------------------


def _is_free(port: int, kind: socket.SocketKind) -> bool:
    with socket.socket(socket.AF_INET, kind) as probe:
        try:
            probe.bind((HOST, port))
        except OSError:
            return False
    return True


def _is_served(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex((HOST, port)) == 0


def _falls_silent(port: int) -> bool:
    """Whether what listens there, perhaps an exchange that was just killed, stops doing so."""
    deadline = time.monotonic() + STOP_TIMEOUT_S
    while _is_served(port) and time.monotonic() < deadline:
        time.sleep(0.05)
    return not _is_served(port)


def _claim_slot() -> int:
    """A number that no other checkout of this machine holds, with its ports free: they are counted from it."""
    with locked("slots"):
        slots = cache_dir() / "slots"
        slots.mkdir(exist_ok=True)
        for number in range(7):
            claim = slots / str(number)
            owner = claim.read_text() if claim.exists() else ""
            if owner and owner != str(lab_dir()) and Path(owner, "lab.json").exists():
                continue
            sip, http = 5060 + 20 * number, 8088 + 20 * number
            if _is_free(sip, socket.SOCK_DGRAM) and _is_free(http, socket.SOCK_STREAM):
                claim.write_text(str(lab_dir()))
                return number
    raise LabError(f"No free ports for another exchange; see who holds {cache_dir() / 'slots'}")


def _new_lab(tree: Path) -> Lab:
    slot = _claim_slot()
    http_port = 8088 + 20 * slot
    rtp_start = 10000 + RTP_PORTS * slot
    return Lab(
        node=os.environ.get("HOTSEAT_NODE", "node1"),
        host=HOST,
        sip_port=5060 + 20 * slot,
        http_port=http_port,
        carrier_port=5070 + 20 * slot,
        rtp_start=rtp_start,
        rtp_end=rtp_start + RTP_PORTS - 1,
        ari_url=f"http://{HOST}:{http_port}/ari",
        ari_user="hotseat",
        ari_password=secrets.token_urlsafe(18),
        phone_password=secrets.token_urlsafe(12),
        sounds_dir=str(Path(os.environ.get("HOTSEAT_SOUNDS_DIR", CHECKOUT / "var" / "sounds")).resolve()),
        state_dir=str(lab_dir() / "asterisk"),
        tree=str(tree),
        asterisk=asterisk_version(tree),
    )


def render(lab: Lab) -> None:
    """Write this checkout's ``/etc/asterisk`` from the templates: ``@name@`` is a field of ``Lab``."""
    etc = Path(lab.state_dir) / "etc"
    for name in ("etc", "lib", "spool", "run", "log"):
        (Path(lab.state_dir) / name).mkdir(parents=True, exist_ok=True)
    for template in TEMPLATES.glob("*.conf"):
        text = template.read_text()
        for name, value in asdict(lab).items():
            text = text.replace(f"@{name}@", str(value))
        (etc / template.name).write_text(text)
    for name in _EMPTY:
        (etc / name).touch()
    # A name look-up that waits for a dead resolver holds up the SIP threads for 5 s: answer all of them from a file.
    (etc / "hosts").write_text(f"127.0.0.1 localhost {socket.gethostname()} A.ROOT-SERVERS.NET\n")
    (etc / "nsswitch.conf").write_text("passwd: files\ngroup: files\nshadow: files\nhosts: files\n")
    (etc / "resolv.conf").write_text("")


def up() -> Lab:
    """Make what is missing and start the exchange unless it runs. May be called any number of times."""
    require_root()
    install_tools()
    tree = ensure_tree()
    lab = load()
    if lab is not None and is_running(lab):
        render(lab)
        return lab
    if lab is None:
        lab = _new_lab(tree)
    else:
        sounds = os.environ.get("HOTSEAT_SOUNDS_DIR", lab.sounds_dir)
        lab = replace(lab, tree=str(tree), asterisk=asterisk_version(tree), sounds_dir=str(Path(sounds).resolve()))
    render(lab)
    return start(lab)


def down() -> None:
    """Stop this checkout's exchange. Its configuration, ports and registrations stay for the next ``up``."""
    lab = load()
    if lab is not None:
        require_root()
        stop(lab)


def forget() -> None:
    """Stop the exchange and remove all that this checkout keeps of it; the shared tree stays."""
    down()
    shutil.rmtree(lab_dir(), ignore_errors=True)


def cli(lab: Lab, command: str) -> str:
    """Run one command on the exchange's own console (``asterisk -rx``)."""
    require_root()
    console = ["/usr/sbin/asterisk", "-C", "/hotseat/etc/asterisk.conf", "-rx", command]
    return run(["nsenter", f"--target={lab.pid}", "--mount", "--", "chroot", lab.tree, *console])
