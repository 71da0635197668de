"""Texts by language as people write them, a line each, such as ``en: Thank you``."""

from collections.abc import Mapping

from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _


def read_texts(lines: str) -> dict[str, str]:
    """Return the texts by language; raise ValidationError that tells the line which is none, or repeats a language."""
    texts: dict[str, str] = {}
    for number, line in enumerate(lines.splitlines(), 1):
        if not line.strip():
            continue
        language, colon, text = (part.strip() for part in line.partition(":"))
        if not (language and colon and text) or language.lower() in texts:
            message = _("Line %(line)d: write a language, a colon and its text, one line for each: “en: Hello”.")
            raise ValidationError(message % {"line": number})
        texts[language.lower()] = text
    return texts


def show_texts(texts: Mapping[str, str]) -> str:
    """Return the texts as `read_texts` reads them."""
    return "\n".join(f"{language}: {text}" for language, text in texts.items())
