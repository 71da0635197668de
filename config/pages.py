"""The first page: where to go, and in a demo, as whom."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

STORY = "demo.json"


@never_cache
@require_safe
def home(request: HttpRequest) -> HttpResponse:
    """Show the ways in; where the demo was loaded, its people and their passwords too."""
    return render(request, "pages/home.html", {"demo": demo_story(Path(settings.HOTSEAT_VAR_DIR))})


def demo_story(state: Path) -> dict[str, Any] | None:
    """Return what the demo's loader wrote about itself, None in an installation without a demo."""
    path = state / STORY
    if not path.is_file():
        return None
    story: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return story
