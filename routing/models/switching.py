"""What the exchange has been told, and what it has told us. The engine's alone."""

from django.db import models
from django.db.models import Q

from routing.models.contacts import Interaction
from routing.states import CommandState
from tenants.public import PlatformModel


class CommandKind(models.TextChoices):
    """The methods of `routing.switch.port.Switch` that services ask for."""

    ANSWER = "answer"
    INDICATE_RINGING = "indicate_ringing"
    PLAY = "play"
    STOP_PLAYBACK = "stop_playback"
    START_MUSIC = "start_music"
    STOP_MUSIC = "stop_music"
    DIAL = "dial"
    BRIDGE = "bridge"
    UNBRIDGE = "unbridge"
    DESTROY_BRIDGE = "destroy_bridge"
    HANG_UP = "hang_up"


class SwitchCommand(PlatformModel):
    """One thing that a switch node is to do. Written with the state that asks for it, carried out afterwards.

    Commands with the same interaction, or the same agent session, are carried out in the order of their ids.
    `arguments` hold ids and settings, never a name or a telephone number of a person.
    """

    node = models.CharField(max_length=64)
    interaction = models.ForeignKey(Interaction, on_delete=models.PROTECT)
    session_id = models.UUIDField(null=True)
    contact_id = models.UUIDField(null=True)
    kind = models.CharField(max_length=20, choices=CommandKind)
    arguments = models.JSONField(default=dict)
    state = models.CharField(max_length=8, choices=CommandState, default=CommandState.PENDING)
    created_at = models.DateTimeField()
    begun_at = models.DateTimeField(null=True)
    done_at = models.DateTimeField(null=True)
    fence = models.BigIntegerField(null=True)
    failure = models.CharField(max_length=200, blank=True)

    class Meta:
        indexes = [
            models.Index(
                fields=["node", "id"],
                condition=Q(state__in=(CommandState.PENDING, CommandState.BEGUN)),
                name="open_commands",
            )
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.interaction_id}"


class SwitchNode(models.Model):
    """One exchange, its state as its worker last saw it.

    `last_alive_at`, by its own clock, ends the legs of a crashed exchange. `clock_offset_ms` is the database's clock
    minus its, at the last heartbeat.
    """

    name = models.CharField(primary_key=True, max_length=64)
    connected = models.BooleanField(default=False)
    connected_at = models.DateTimeField(null=True)
    last_alive_at = models.DateTimeField(null=True)
    clock_offset_ms = models.BigIntegerField(null=True)

    def __str__(self) -> str:
        return self.name
