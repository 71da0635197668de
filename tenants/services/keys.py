"""API keys: made, shown once, revoked."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.utils.translation import gettext as _

from tenants.clock import db_now
from tenants.errors import Invalid, NotFound
from tenants.models import ApiKey
from tenants.services.people import refuse_role
from tenants.services.secrets import hash_secret, new_secret
from tenants.services.writing import writing


@dataclass(frozen=True, slots=True)
class NewKey:
    """A key that was just made. `token` (prefix.secret) is nowhere else and cannot be had again."""

    row: ApiKey
    token: str


def create_api_key(*, tenant_id: UUID, name: str, role: str, actor: str, expires_at: datetime | None = None) -> NewKey:
    """Make a key for programs that acts with `role` until `expires_at` (aware; None: until revoked).

    Raises Invalid for a role that cannot be given here or an expiry in the past.
    """
    refuse_role(tenant_id, role)
    prefix, secret = new_secret()
    with writing(tenant_id, actor=actor):
        if expires_at is not None and expires_at <= db_now():
            raise Invalid(
                _("The key would have expired already."),
                code="expires-in-the-past",
                errors=[{"pointer": "/expires_at", "message": _("must be in the future")}],
            )
        row = ApiKey.objects.create(
            name=name, role=role, prefix=prefix, secret_hash=hash_secret(secret), expires_at=expires_at
        )
    return NewKey(row, f"{prefix}.{secret}")


def revoke_api_key(*, tenant_id: UUID, key_id: UUID, actor: str) -> ApiKey:
    """Let the key open nothing from now on. Nothing happens when it was revoked before. Raises NotFound."""
    with writing(tenant_id, actor=actor):
        row: ApiKey | None = ApiKey.objects.select_for_update().filter(id=key_id).first()
        if row is None:
            raise NotFound(_("There is no such API key."))
        if row.revoked_at is None:
            row.revoked_at = db_now()
            row.save(update_fields=["revoked_at"])
        return row
