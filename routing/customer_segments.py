"""What customers of a segment get (`RoutingPolicy.segments`): a head start, a service level of their own."""

from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _

LONGEST_NAME = 40
LIMITS = {"head_start_seconds": (0, 86_400), "target_seconds": (1, 32_767)}
"""The least and the most of each, in seconds."""


def check_segments(segments: object) -> None:
    """Raise ValidationError, which names the segment, for what `RoutingPolicy.segments` cannot be."""
    if not isinstance(segments, dict):
        raise ValidationError(_('Give the segments by name, such as {"gold": {"head_start_seconds": 90}}.'))
    for name, own in segments.items():
        if name != name.strip() or not 1 <= len(name) <= LONGEST_NAME:
            raise ValidationError(_("“%(name)s” is no name of a segment.") % {"name": name})
        if not isinstance(own, dict) or own.keys() - LIMITS.keys():
            words = {"name": name, "known": ", ".join(LIMITS)}
            raise ValidationError(_("Segment %(name)s: there are the fields %(known)s.") % words)
        for field, value in own.items():
            least, most = LIMITS[field]
            if type(value) is not int or not least <= value <= most:
                words = {"name": name, "field": field, "least": least, "most": most}
                message = _("Segment %(name)s: %(field)s is a whole number from %(least)d to %(most)d.")
                raise ValidationError(message % words)
