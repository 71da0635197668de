"""What happens to the platform itself: runs of its processes, exceptions. Events of tenant zero, of their own kind."""

import logging
from typing import Any

from django.db import Error

from tenants.clock import db_now
from tenants.ids import uuid7
from tenants.log import record_once
from tenants.models import CSP_TENANT_ID
from tenants.scope import engine_scope

log = logging.getLogger(__name__)

KIND = "system"


def note_system(event_type: str, **data: Any) -> None:
    """Record in the open scope, the engine's or tenant zero's, that something happened to the platform.

    `data` hold ids and figures only, as in every event.
    """
    record_once(event_type, tenant_id=CSP_TENANT_ID, kind=KIND, subject_id=uuid7(), at=db_now(), **data)


def tell_system(event_type: str, *, node: str = "", **data: Any) -> None:
    """Record it in a scope of its own. A database that fails is logged: who tells must be able to go on."""
    try:
        with engine_scope(node=node):
            note_system(event_type, **data)
    except Error:
        # What is told of is in the process's own log besides; its duty matters more than the note of it.
        log.exception("the event log took no note", extra={"type": event_type})
