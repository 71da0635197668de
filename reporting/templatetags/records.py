"""How records are shown."""

from django import template

from reporting.web.labels import duration

register = template.Library()


@register.filter(name="duration")
def as_duration(seconds: float | None) -> str:
    """Show seconds as 0:05, 12:34 or 1:02:03."""
    return duration(seconds)


@register.filter
def share(value: float | None) -> str:
    """Show a share of 0 to 1 in whole per cent; a dash for none."""
    return "–" if value is None else f"{value * 100:.0f} %"


@register.filter
def of(values: dict[str, float], name: str) -> float | None:
    """Return the value of that name, None where there is none."""
    return values.get(name)
