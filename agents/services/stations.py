"""Giving a seat another telephone."""

from agents.errors import StationInUse
from agents.models import Station
from agents.selectors import open_session_at_station


def change_endpoint(station: Station, endpoint: str) -> None:
    """Give the locked station another SIP endpoint; the caller saves it. Nothing happens when it is the same.

    The new phone counts as unreachable until the switch has told of it. Raises StationInUse while somebody is logged in
    there: their calls would ring at another phone than the one that they sit at.
    """
    if endpoint == station.endpoint:
        return
    session = open_session_at_station(station.id)
    if session is not None:
        raise StationInUse(
            extension=station.extension, agent_number=session.agent.number, agent_name=session.agent.user.name
        )
    station.endpoint, station.reachable, station.reachable_at = endpoint, False, None
