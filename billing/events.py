"""What billing does when something has happened."""

import threading
from collections import defaultdict
from uuid import UUID

import structlog
from kombu.exceptions import OperationalError

from billing.models import Rerating
from billing.services.rating import PAGE
from billing.tasks import rate_ended_task, rerate
from tenants.public import Happened

CONTACT_ENDED = "contact.ended"
logger = structlog.get_logger(__name__)


class EndedContacts:
    """Contacts that have ended since their rating was last asked for, by tenant. From any thread.

    One task for each contact would cost more than the rating itself, while others speak. What is kept here is only a
    hint: when the process dies, or a message is lost, the sweep of each minute finds what has no line.
    """

    def __init__(self) -> None:
        self._guard = threading.Lock()
        self._contacts: dict[UUID, set[str]] = defaultdict(set)

    def note(self, tenant_id: UUID, contact_id: object) -> None:
        """Have the contact rated with those that are asked for next."""
        with self._guard:
            self._contacts[tenant_id].add(str(contact_id))

    def ask(self) -> int:
        """Send what was noted, a task for each tenant and `PAGE` contacts; return how many tasks. Tried once.

        Raises OperationalError when the broker is away.
        """
        with self._guard:
            ended, self._contacts = self._contacts, defaultdict(set)
        tasks = [
            (str(tenant), sorted(contacts)[begin : begin + PAGE])
            for tenant, contacts in ended.items()
            for begin in range(0, len(contacts), PAGE)
        ]
        for arguments in tasks:
            rate_ended_task.apply_async(args=arguments, retry=False)
        return len(tasks)


_ended = EndedContacts()


def rate_when_ended(happened: Happened) -> None:
    """Have a contact that has ended rated with the next `ask_for_ratings`."""
    _ended.note(happened.tenant_id, happened.aggregate_id)


def rate_when_call_ended(happened: Happened) -> None:
    """The same for the contact of a call to the outside that has ended, which may be after the contact."""
    _ended.note(happened.tenant_id, (happened.data or {})["contact"])


def ask_for_ratings() -> None:
    """Send the tasks that rate what has ended since the last time. When the broker is away, the sweep finds it."""
    try:
        _ended.ask()
    except OperationalError as error:
        logger.warning("ratings_wait_for_the_sweep", error=str(error))


def hint_rerating(order: Rerating) -> None:
    """Send the task that carries out a re-rating which was ordered just now.

    Only a hint: when it cannot be sent, the sweep of each minute finds the order.
    """
    try:
        rerate.apply_async(args=(str(order.tenant_id), str(order.id)), retry=False)
    except OperationalError as error:
        logger.warning("rerating_waits_for_the_sweep", rerating=str(order.id), error=str(error))
