"""What is played, as commands say it; and the switch's names for it: whose it is, and which."""

from uuid import UUID

from routing.flows.media import Media, Say

POSITION_LABEL = "position"


def playback_id(contact_id: UUID, label: str) -> str:
    """Return the switch's name for a playback of a contact."""
    return f"{contact_id}.{label}"


def parse_playback_id(playback: str) -> tuple[UUID, str]:
    """Undo `playback_id`; raises ValueError for a playback that is none of ours."""
    contact, _, label = playback.partition(".")
    return UUID(contact), label


def medium(item: Media) -> dict[str, str]:
    """Return one thing to play as a command's argument; the switch worker turns words into sound."""
    return {"say": item.text, "language": item.language} if isinstance(item, Say) else {"sound": item.name}
