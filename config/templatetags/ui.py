"""Small parts that templates of every app use."""

from django import template
from django.templatetags.static import static
from django.utils.html import format_html
from django.utils.safestring import SafeString

register = template.Library()


@register.simple_tag
def icon(name: str) -> SafeString:
    """Draw an icon out of the sprite; `name` is one of bootstrap-icons and stands literally in the template,
    where the front end's build finds it."""
    return format_html(
        '<svg class="hs-icon" aria-hidden="true" focusable="false"><use href="{}#{}"></use></svg>',
        static("hotseat/icons.svg"),
        name,
    )
