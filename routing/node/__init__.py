"""The switch worker: one process per exchange node. Events in, services, commands out; reconciled with the exchange."""

from routing.node.sounds import Sounds
from routing.node.worker import SwitchWorker

__all__ = ["Sounds", "SwitchWorker"]
