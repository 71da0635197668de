"""What a checkout knows about itself: where its state lies, its generated secrets, its embedded services.

Standard library only: it is read before anything else can be.
"""

from __future__ import annotations

import json
import os
import secrets
from collections.abc import Mapping
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
STATE = ROOT / "var"
GENERATED = (
    "HOTSEAT_OWNER_PASSWORD",
    "HOTSEAT_APP_PASSWORD",
    "HOTSEAT_ENGINE_PASSWORD",
    "HOTSEAT_SECRET_KEY",
    "HOTSEAT_HASH_KEY",
    "POSTGRES_PASSWORD",
    "VALKEY_PASSWORD",
)


def read_json(path: Path) -> dict[str, Any]:
    """The object in a JSON file; empty when there is no such file."""
    try:
        found: dict[str, Any] = json.loads(path.read_text())
    except FileNotFoundError:
        return {}
    return found


def write_json(path: Path, value: Mapping[str, Any]) -> None:
    """Write a JSON file that only its owner can read, whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f".{path.name}.{os.getpid()}")
    partial.unlink(missing_ok=True)
    with os.fdopen(os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        json.dump(value, file, indent=1)
    partial.replace(path)


def generated_secrets(state: Path = STATE) -> dict[str, str]:
    """The secrets of this checkout, made on the first call."""
    path = state / "secrets.json"
    found = read_json(path)
    missing = [name for name in GENERATED if name not in found]
    if missing:
        found |= {name: secrets.token_urlsafe(36) for name in missing}
        write_json(path, found)
    return found


def known_environment(state: Path = STATE) -> dict[str, str]:
    """Environment variables that this checkout can supply itself; empty before ``make setup``."""
    known = {name: value for name, value in read_json(state / "secrets.json").items() if name.startswith("HOTSEAT_")}
    urls: dict[str, str] = read_json(state / "services" / "run" / "services.json").get("environment", {})
    return known | urls
