"""``python -m deploy.lab up | down | status | forget | endpoints FILE | cli COMMAND``."""

from __future__ import annotations

import argparse
import json
import sys
import time
from pathlib import Path

from deploy.lab import endpoints, exchange
from deploy.lab.tree import LabError


def _describe(lab: exchange.Lab) -> str:
    state = f"running, process {lab.pid}" if exchange.is_running(lab) else "not running"
    return (
        f"Asterisk {lab.asterisk} ({state})\n"
        f"  SIP     {lab.host}:{lab.sip_port}/udp, ws://{lab.host}:{lab.http_port}/ws\n"
        f"  ARI     {lab.ari_url}\n"
        f"  RTP     {lab.rtp_start}-{lab.rtp_end}\n"
        f"  sounds  {lab.sounds_dir}\n"
        f"  phones  {len(endpoints.known())}\n"
        f"  details {exchange.lab_file()}"
    )


def _required() -> exchange.Lab:
    lab = exchange.load()
    if lab is None:
        raise LabError("There is no lab in this checkout yet: run `make lab`.")
    return lab


def _run(arguments: argparse.Namespace) -> int:
    match arguments.action:
        case "up":
            began = time.monotonic()
            print(_describe(exchange.up()))
            print(f"up in {time.monotonic() - began:.1f} s")
        case "down":
            exchange.down()
        case "forget":
            exchange.forget()
        case "status":
            lab = _required()
            print(_describe(lab))
            return 0 if exchange.is_running(lab) else 3
        case "endpoints":
            rows = json.loads(Path(arguments.rest).read_text())
            endpoints.add(_required(), [endpoints.Endpoint(**row) for row in rows])
        case "cli":
            print(exchange.cli(_required(), arguments.rest), end="")
    return 0


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m deploy.lab", description=__doc__)
    parser.add_argument("action", choices=["up", "down", "status", "forget", "endpoints", "cli"])
    parser.add_argument("rest", nargs="?", default="", help="FILE (a JSON list) or COMMAND")
    try:
        return _run(parser.parse_args())
    except LabError as error:
        print(f"lab: {error}", file=sys.stderr)
        return 1


if __name__ == "__main__":
    sys.exit(main())
