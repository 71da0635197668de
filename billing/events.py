"""What billing does when something has happened."""

import structlog
from kombu.exceptions import OperationalError

from billing.models import Rerating
from billing.tasks import rate_contact_task, rerate
from tenants.public import Happened

CONTACT_ENDED = "contact.ended"
logger = structlog.get_logger(__name__)


def rate_when_ended(happened: Happened) -> None:
    """Send the task that rates a contact which has ended.

    Only a hint: a message that is lost, repeated or cannot be sent changes nothing, since the sweep of each minute
    finds what has no line. So sending is tried once.
    """
    rate_contact_task.apply_async(args=(str(happened.tenant_id), str(happened.aggregate_id)), retry=False)


def rate_when_call_ended(happened: Happened) -> None:
    """Send the same task for the contact of a call to the outside that has ended, which may be after the contact.

    Only a hint, as above.
    """
    contact = (happened.data or {})["contact"]
    rate_contact_task.apply_async(args=(str(happened.tenant_id), str(contact)), retry=False)


def hint_rerating(order: Rerating) -> None:
    """Send the task that carries out a re-rating which was ordered just now.

    Only a hint: when it cannot be sent, the sweep of each minute finds the order.
    """
    try:
        rerate.apply_async(args=(str(order.tenant_id), str(order.id)), retry=False)
    except OperationalError as error:
        logger.warning("rerating_waits_for_the_sweep", rerating=str(order.id), error=str(error))
