"""What billing does when something has happened."""

from billing.tasks import rate_contact_task
from tenants.public import Happened

CONTACT_ENDED = "contact.ended"


def rate_when_ended(happened: Happened) -> None:
    """Send the task that rates a contact which has ended.

    Only a hint: a message that is lost, repeated or cannot be sent changes nothing, since the sweep of each minute
    finds what has no line. So sending is tried once.
    """
    rate_contact_task.apply_async(args=(str(happened.tenant_id), str(happened.aggregate_id)), retry=False)
