"""ARCHITECTURE.md draws its state machines from the code, and names files that are there."""

from __future__ import annotations

import re
from itertools import chain

import pytest
from django.core.management import call_command
from django.core.management.base import CommandError

from agents import states as agent_states
from config.checkout import ROOT
from config.management.commands import diagrams
from routing import states as routing_states
from tenants.public import Transitions

pytestmark = pytest.mark.nodb

NAMED_FILE = re.compile(
    r"`((?:agents|billing|config|deploy|reporting|routing|tenants|tests)/[\w./-]+\.(?:py|sql|conf|js))"
)
DOCUMENTS = ["ARCHITECTURE.md", "SECURITY.md", "CONTRIBUTING.md", "README.md", "docs/operations.md"]


def test_the_diagrams_are_those_of_the_code() -> None:
    call_command("diagrams", "--check")


def test_every_table_is_drawn() -> None:
    tables = chain(vars(agent_states).values(), vars(routing_states).values())
    drawn = [table for table, _model in diagrams.DIAGRAMS.values()]
    assert all(table in drawn for table in tables if isinstance(table, Transitions))
    text = diagrams.DOCUMENT.read_text()
    assert [name for name in diagrams.DIAGRAMS if f"<!-- drawn: {name} -->" not in text] == []


def test_a_document_that_is_behind_is_told_and_drawn_anew(
    tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = diagrams.DOCUMENT.read_text()
    behind = tmp_path_factory.mktemp("docs") / "ARCHITECTURE.md"
    behind.write_text(whole.replace("    engaged --> ended\n", "", 1))
    monkeypatch.setattr(diagrams, "DOCUMENT", behind)
    with pytest.raises(CommandError, match="behind the code"):
        call_command("diagrams", "--check")
    call_command("diagrams")
    assert behind.read_text() == whole


@pytest.mark.parametrize("name", DOCUMENTS)
def test_files_that_a_document_names_are_there(name: str) -> None:
    named = set(NAMED_FILE.findall((ROOT / name).read_text()))
    assert [path for path in sorted(named) if not (ROOT / path).exists()] == []
