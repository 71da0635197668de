"""Command line of the embedded services."""

from __future__ import annotations

import argparse
import shlex
import sys

from config.services.errors import ServiceError
from config.services.manager import Services


def main(arguments: list[str] | None = None) -> int:
    """Run one command; problems go to standard error as one line, with exit status 1."""
    parser = argparse.ArgumentParser(prog="python -m config.services", description=__doc__)
    parser.add_argument("command", choices=["prepare", "up", "down", "status", "env"])
    parser.add_argument("--profile", choices=["run", "test"], default="run")
    options = parser.parse_args(arguments)
    services = Services(options.profile)
    try:
        if options.command == "prepare":
            services.prepare()
        elif options.command == "down":
            services.down()
        elif options.command == "env":
            for name, value in services.environment().items():
                print(f"export {name}={shlex.quote(value)}")
        else:
            if options.command == "up":
                services.up()
            for name, line in services.status().items():
                print(f"{name}: {line}")
    except ServiceError as problem:
        print(f"services: {problem}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
