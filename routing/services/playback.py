"""The switch's names for what is played: whose it is, and which."""

from uuid import UUID

POSITION_LABEL = "position"


def playback_id(contact_id: UUID, label: str) -> str:
    """Return the switch's name for a playback of a contact."""
    return f"{contact_id}.{label}"


def parse_playback_id(playback: str) -> tuple[UUID, str]:
    """Undo `playback_id`; raises ValueError for a playback that is none of ours."""
    contact, _, label = playback.partition(".")
    return UUID(contact), label
