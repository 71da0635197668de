"""`Idempotency-Key`: a POST that is sent again under its key takes effect once and gets the same answer.

The answer is kept for 24 hours under tenant, caller and key. The record is written before the work and completed after
it, each in a short transaction of its own, so that two requests at once cannot both begin. A request that never
finished (its process died) blocks its key for `ABANDONED_AFTER`; whether it took effect is then for the caller to see.
"""

import hashlib
import json
from datetime import timedelta
from typing import Any
from uuid import UUID

from django.db import connections
from django.utils import timezone
from django.utils.translation import gettext as _
from rest_framework.renderers import JSONRenderer
from rest_framework.response import Response

from tenants.api.problems import CONTENT_TYPE
from tenants.callers import Caller
from tenants.errors import Conflict, Invalid
from tenants.ids import uuid7
from tenants.models import IdempotencyRecord
from tenants.scope import tenant_scope

KEPT_FOR = timedelta(hours=24)
ABANDONED_AFTER = timedelta(minutes=10)
LONGEST_KEY = 255

# The unique index on (tenant, owner, key) decides between two requests; an outdated row is taken over.
_BEGIN = """
INSERT INTO tenants_idempotencyrecord AS kept (id, tenant_id, owner, key, request_hash, created_at)
VALUES (%(id)s, %(tenant)s, %(owner)s, %(key)s, %(hash)s, clock_timestamp())
ON CONFLICT (tenant_id, owner, key) DO UPDATE
SET id = excluded.id, request_hash = excluded.request_hash, status = NULL, body = NULL, created_at = excluded.created_at
WHERE kept.created_at < clock_timestamp() - %(kept_s)s * interval '1 second'
   OR (kept.status IS NULL AND kept.created_at < clock_timestamp() - %(abandoned_s)s * interval '1 second')
RETURNING id
"""


def fingerprint(method: str, path: str, body: bytes) -> str:
    """Return what must be equal for two requests to be the same one."""
    return hashlib.sha256(b"\n".join((method.encode(), path.encode(), body))).hexdigest()


def begin(caller: Caller, key: str, request_hash: str) -> UUID | Response:
    """Claim the key for this request and return the record's id, or return the answer that was given before.

    Raises Invalid (code "idempotency-key-reused") when the key stood for another request, and Conflict (code
    "request-in-progress") while that request still runs.
    """
    if not key.isascii() or not key.isprintable() or len(key) > LONGEST_KEY:
        raise Invalid(
            _("The Idempotency-Key must be 1 to %(limit)d printable ASCII characters.") % {"limit": LONGEST_KEY},
            code="idempotency-key-malformed",
        )
    with tenant_scope(caller.tenant_id, actor=caller.actor) as scope:
        with connections[scope.alias].cursor() as cursor:
            cursor.execute(
                _BEGIN,
                {
                    "id": uuid7(),
                    "tenant": caller.tenant_id,
                    "owner": caller.actor,
                    "key": key,
                    "hash": request_hash,
                    "kept_s": KEPT_FOR.total_seconds(),
                    "abandoned_s": ABANDONED_AFTER.total_seconds(),
                },
            )
            claimed = cursor.fetchone()
        if claimed:
            return UUID(str(claimed[0]))
        record = IdempotencyRecord.objects.get(owner=caller.actor, key=key)
    return _earlier_answer(record, request_hash)


def _earlier_answer(record: IdempotencyRecord, request_hash: str) -> Response:
    if record.request_hash != request_hash:
        raise Invalid(
            _("The Idempotency-Key %(key)s was used for another request. Make a new key for a new request.")
            % {"key": record.key},
            code="idempotency-key-reused",
        )
    if record.status is None:
        raise Conflict(
            _("The request with the Idempotency-Key %(key)s is still being carried out.") % {"key": record.key},
            code="request-in-progress",
        )
    response = Response(record.body, status=record.status, headers={"Idempotent-Replayed": "true"})
    if record.status >= 400:
        response.content_type = CONTENT_TYPE
    return response


def finish(caller: Caller, record_id: UUID, response: Response, *, secret_fields: frozenset[str]) -> None:
    """Keep the answer. A failure of ours (500 and above) frees the key instead, so that trying again is possible.

    `secret_fields` are left out of what is kept: a secret is shown once, not once more.
    """
    with tenant_scope(caller.tenant_id, actor=caller.actor):
        mine = IdempotencyRecord.objects.filter(id=record_id)
        if response.status_code >= 500:
            mine.delete()
        else:
            mine.update(status=response.status_code, body=_kept(response.data, secret_fields))


def _kept(data: Any, secret_fields: frozenset[str]) -> Any:
    body = json.loads(JSONRenderer().render(data) or b"null")
    if isinstance(body, dict):
        return {name: None if name in secret_fields else value for name, value in body.items()}
    return body


def forget_old_answers(tenant_id: UUID) -> int:
    """Delete the tenant's answers that are no longer given again; return how many."""
    with tenant_scope(tenant_id):
        return IdempotencyRecord.objects.filter(created_at__lt=timezone.now() - KEPT_FOR).delete()[0]
