"""Who calls the API: a program by its key, or a browser that has signed in."""

import hmac
from datetime import timedelta

from django.contrib.auth.models import AnonymousUser
from django.utils import timezone
from django.utils.translation import gettext as _
from rest_framework.authentication import BaseAuthentication, SessionAuthentication, get_authorization_header
from rest_framework.exceptions import AuthenticationFailed
from rest_framework.request import Request

from tenants.callers import Caller, refuse_suspended, session_caller
from tenants.directory import find_key
from tenants.models import ApiKey, User
from tenants.scope import tenant_scope
from tenants.services.secrets import hash_secret

USE_NOTED_EVERY = timedelta(minutes=1)
Authenticated = tuple[User | AnonymousUser, Caller]


class ApiKeyAuthentication(BaseAuthentication):
    """`Authorization: Bearer prefix.secret`."""

    def authenticate(self, request: Request) -> Authenticated | None:
        scheme, _space, token = get_authorization_header(request).decode("latin-1").partition(" ")
        if scheme.lower() != "bearer":
            return None
        key = _valid_key(token.strip())
        refuse_suspended(key.tenant)
        _note_use(key)
        return AnonymousUser(), Caller(tenant=key.tenant, role=key.role, actor=f"key:{key.id}")

    def authenticate_header(self, request: Request) -> str:
        return 'Bearer realm="hotseat"'


class BrowserAuthentication(SessionAuthentication):
    """The session cookie of a person or an agent who has signed in; writes need the CSRF token too."""

    def authenticate(self, request: Request) -> Authenticated | None:
        caller = session_caller(request._request)
        if caller is None:
            return None
        self.enforce_csrf(request)
        refuse_suspended(caller.tenant)
        return caller.user or AnonymousUser(), caller


def _valid_key(token: str) -> ApiKey:
    prefix, _dot, secret = token.partition(".")
    key = find_key(prefix) if prefix and secret and token.isascii() else None
    # One sentence for unknown and wrong alike: it must not tell which prefixes exist.
    if key is None or not hmac.compare_digest(key.secret_hash, hash_secret(secret)):
        raise AuthenticationFailed(_("The API key is not valid."))
    if key.revoked_at is not None:
        raise AuthenticationFailed(_("The API key %(prefix)s was revoked.") % {"prefix": key.prefix})
    if key.expires_at is not None and key.expires_at <= timezone.now():
        raise AuthenticationFailed(
            _("The API key %(prefix)s expired on %(day)s.") % {"prefix": key.prefix, "day": key.expires_at.date()}
        )
    return key


def _note_use(key: ApiKey) -> None:
    now = timezone.now()
    if key.last_used_at is not None and now - key.last_used_at < USE_NOTED_EVERY:
        return
    with tenant_scope(key.tenant_id, actor=f"key:{key.id}"):
        ApiKey.objects.filter(id=key.id).update(last_used_at=now)
