"""A switch whose every command is a pair of points at which a test may kill the process (`tenants.points`)."""

from collections.abc import Callable
from functools import wraps
from typing import Any, cast

from routing.switch.port import Switch
from tenants.points import are_armed, reach

COMMANDS = frozenset(
    {
        "answer",
        "indicate_ringing",
        "indicate_progress",
        "play",
        "stop_playback",
        "start_music",
        "stop_music",
        "dial",
        "bridge",
        "unbridge",
        "destroy_bridge",
        "hold",
        "unhold",
        "hang_up",
    }
)


class _Pointed:
    """The switch, with ``dial.unsent`` before and ``dial.sent`` after its ``dial``, and so for each command."""

    def __init__(self, switch: Switch) -> None:
        self._switch = switch

    def __getattr__(self, name: str) -> Any:
        method = getattr(self._switch, name)
        return _between_points(method) if name in COMMANDS else method


def _between_points(command: Callable[..., Any]) -> Callable[..., Any]:
    @wraps(command)
    async def sent(**arguments: Any) -> Any:
        reach(f"{command.__name__}.unsent")
        answer = await command(**arguments)
        reach(f"{command.__name__}.sent")
        return answer

    return sent


def with_points(switch: Switch) -> Switch:
    """The switch as it is, unless a test asked for points."""
    return cast(Switch, _Pointed(switch)) if are_armed() else switch
