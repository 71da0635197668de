"""The telephones that the lab's exchange knows: a list in ``var/lab/endpoints.json``, written out for PJSIP."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path

from deploy.lab.exchange import Lab, ari, is_running, lab_file
from deploy.lab.tree import LabError, locked

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,63}\Z")
_PASSWORD = re.compile(r"[\x21-\x3a\x3c-\x7e]{1,64}\Z")  # printable, no blank and no ; (it begins a comment)


@dataclass(frozen=True, kw_only=True)
class Endpoint:
    """One telephone. An empty password means the lab's common one (``Lab.phone_password``)."""

    endpoint: str
    password: str = ""
    browser: bool = False


def known() -> dict[str, Endpoint]:
    """The telephones by name."""
    path = _file()
    if not path.exists():
        return {}
    return {row["endpoint"]: Endpoint(**row) for row in json.loads(path.read_text())}


def add(lab: Lab, endpoints: Iterable[Endpoint]) -> None:
    """Make these telephones known, changing those of the same name, and tell the exchange if it runs."""
    _change(lab, remove=(), put=endpoints)


def remove(lab: Lab, names: Iterable[str]) -> None:
    """Forget these telephones, and tell the exchange if it runs."""
    _change(lab, remove=names, put=())


def set_queue_members(lab: Lab, names: Iterable[str]) -> None:
    """Who serves the exchange's own queue ``bench``."""
    text = "".join(f"member = PJSIP/{_checked(name)}\n" for name in names)
    (Path(lab.state_dir) / "etc" / "queue_members.conf").write_text(text)
    if is_running(lab):
        ari(lab, "PUT", "/asterisk/modules/app_queue.so", timeout_s=10)


def _file() -> Path:
    return lab_file().with_name("endpoints.json")


def _checked(name: str) -> str:
    if not _NAME.match(name):
        raise LabError(f"Not a name for a telephone: {name!r} (letters, digits, and . _ - inside)")
    return name


def _change(lab: Lab, *, remove: Iterable[str], put: Iterable[Endpoint]) -> None:
    with locked(f"endpoints-{lab.sip_port}"):
        before = known()
        after = {name: endpoint for name, endpoint in before.items() if name not in set(remove)}
        after.update({_checked(endpoint.endpoint): endpoint for endpoint in put})
        text = "\n".join(_section(endpoint, lab) for endpoint in after.values())
        target = Path(lab.state_dir) / "etc" / "pjsip_phones.conf"
        if after == before and target.exists() and target.read_text() == text:
            return
        target.write_text(text)
        _file().write_text(json.dumps([asdict(endpoint) for endpoint in after.values()], indent=1) + "\n")
        _file().chmod(0o600)
        if is_running(lab):
            ari(lab, "PUT", "/asterisk/modules/res_pjsip.so", timeout_s=10)


def _section(endpoint: Endpoint, lab: Lab) -> str:
    name = endpoint.endpoint
    password = endpoint.password or lab.phone_password
    if not _PASSWORD.match(password):
        raise LabError(f"The password of {name} has characters that the exchange's configuration cannot hold")
    template = "browser" if endpoint.browser else "phone"
    return (
        f"[{name}]({template})\nauth = {name}\naors = {name}\n"
        f"[{name}](phone-auth)\nusername = {name}\npassword = {password}\n"
        f"[{name}](phone-aor)\n"
    )
