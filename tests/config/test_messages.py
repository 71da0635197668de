"""The check of the translations finds what is wrong with a catalogue."""

from __future__ import annotations

from pathlib import Path

import pytest

from config import messages

HEAD = 'msgid ""\nmsgstr "Content-Type: text/plain; charset=UTF-8\\nPlural-Forms: nplurals=1; plural=0;\\n"\n\n'


@pytest.fixture
def catalogue(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A checkout with one page, one module and an empty catalogue."""
    monkeypatch.setattr(messages, "ROOT", tmp_path)
    monkeypatch.setattr(messages, "PACKAGES", ("shop",))
    page = tmp_path / "shop" / "page.html"
    page.parent.mkdir()
    page.write_text(
        '{% load i18n %}{% translate "What" context "rent" %}'
        "{% blocktranslate %}Hello {{ name }}{% endblocktranslate %}"
    )
    (tmp_path / "shop" / "code.py").write_text('_("Saved."), ngettext("%(n)d seat", "%(n)d seats", n), _(unknown)')
    path = tmp_path / "locale" / "zh_Hans" / "LC_MESSAGES" / "django.po"
    path.parent.mkdir(parents=True)
    path.write_text(HEAD, encoding="utf-8")
    return path


def add(catalogue: Path, text: str) -> None:
    with catalogue.open("a", encoding="utf-8") as file:
        file.write(text)


def test_strings_of_pages_and_code_are_looked_for(catalogue: Path) -> None:
    add(catalogue, 'msgid "Saved."\nmsgstr "已保存。"\n\nmsgctxt "rent"\nmsgid "What"\nmsgstr "项目"\n')
    assert [line.split(": not in")[0] for line in messages.absent(catalogue)] == [
        "shop/code.py:1: '%(n)d seat'",
        "shop/page.html:1: 'Hello %(name)s'",
    ]


def test_a_string_in_another_context_is_another_string(catalogue: Path) -> None:
    add(catalogue, 'msgid "What"\nmsgstr "技能"\n')
    assert any("'What'" in line for line in messages.absent(catalogue))


@pytest.mark.parametrize(
    ("entry", "fault"),
    [
        ('msgid "Saved."\nmsgstr ""\n', "not translated"),
        ('#, fuzzy\nmsgid "Saved."\nmsgstr "已保存。"\n', "marked fuzzy"),
        ('#, python-format\nmsgid "%(n)d left"\nmsgstr "剩 %(m)d"\n', "unknown named placeholder"),
    ],
)
def test_a_bad_translation_is_told(catalogue: Path, entry: str, fault: str) -> None:
    add(catalogue, entry)
    (problem,) = messages.problems(catalogue)
    assert fault in problem
