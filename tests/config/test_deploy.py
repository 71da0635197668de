"""What is shipped for servers names processes and variables that exist."""

from __future__ import annotations

import re
from typing import Any

import pytest
import yaml

from config.checkout import ROOT
from config.env import VARIABLES
from config.process import command_of
from config.processes import commands

pytestmark = pytest.mark.nodb

PROCESSES = set(commands(node="node1", switch="asterisk"))


@pytest.fixture
def compose() -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load((ROOT / "deploy/compose.yaml").read_text())
    return found


def test_compose_starts_every_process_once(compose: dict[str, Any]) -> None:
    commands_of = [service.get("command", []) for service in compose["services"].values()]
    started = [command[-1] for command in commands_of if "config.process" in command]
    assert sorted(started) == sorted(PROCESSES)


def test_compose_sets_only_variables_that_exist(compose: dict[str, Any]) -> None:
    assert set(compose["x-hotseat"]["environment"]) <= {variable.name for variable in VARIABLES}


def test_only_the_migration_of_compose_knows_the_administrator(compose: dict[str, Any]) -> None:
    knowing = [name for name, service in compose["services"].items() if "POSTGRES_PASSWORD" in str(service)]
    assert knowing == ["postgres", "migrate"]


def test_the_systemd_target_wants_every_process() -> None:
    target = (ROOT / "deploy/systemd/hotseat.target").read_text()
    assert set(re.findall(r"hotseat@(\w+)\.service", target)) == PROCESSES


def test_an_unknown_process_is_refused_with_the_names_there_are() -> None:
    with pytest.raises(SystemExit, match="there is no process 'wbe'; there are web, engine, switch, worker, beat"):
        command_of("wbe", commands(node="node1", switch="asterisk"))
