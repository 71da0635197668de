"""Who is asking: one `Caller` for people, agents and programs, made once a request and passed on."""

from collections.abc import Callable
from dataclasses import dataclass
from uuid import UUID

from django.contrib.auth import login, logout
from django.http import HttpRequest
from django.utils.translation import gettext as _

from tenants.errors import Forbidden
from tenants.models import Membership, Tenant, User
from tenants.rights import Right, rights_of
from tenants.scope import tenant_scope

TENANT_KEY = "tenant_id"
MEMBERSHIP_KEY = "membership_id"
LOGIN_BACKEND = "django.contrib.auth.backends.ModelBackend"


@dataclass(frozen=True, slots=True, kw_only=True)
class Caller:
    """The authenticated party of a request and the one tenant in which it acts.

    `actor` ("user:<id>", "agent:<id>" or "key:<id>") goes into events and the audit trail.
    """

    tenant: Tenant
    role: str
    actor: str
    user: User | None = None
    agent_id: UUID | None = None
    agent_session_id: UUID | None = None

    @property
    def tenant_id(self) -> UUID:
        return self.tenant.id

    def may(self, right: Right) -> bool:
        """Say whether the caller has the right."""
        return right in rights_of(self.role, tenant_id=self.tenant.id)

    def require(self, right: Right) -> None:
        """Raise Forbidden (code "missing-right") unless the caller has the right."""
        if not self.may(right):
            raise Forbidden(
                _("This needs the right %(right)s, which the role %(role)s does not have.")
                % {"right": right.value, "role": self.role},
                code="missing-right",
                right=right.value,
            )


CallerFinder = Callable[[HttpRequest], Caller | None]
_finders: list[CallerFinder] = []


def caller_finder(finder: CallerFinder) -> CallerFinder:
    """Register a way to recognise a signed-in browser. Lower apps know memberships only; `agents` adds its sessions."""
    _finders.append(finder)
    return finder


def session_caller(request: HttpRequest) -> Caller | None:
    """Return who is signed in with this browser, None when nobody is. Opens a short scope; call it outside of one."""
    for finder in _finders:
        if caller := finder(request):
            return caller
    return None


@caller_finder
def find_member(request: HttpRequest) -> Caller | None:
    """Return the signed-in person in the tenant of their choice, as long as the membership lasts."""
    tenant_id, membership_id = (session_id(request, key) for key in (TENANT_KEY, MEMBERSHIP_KEY))
    if tenant_id is None or membership_id is None or not request.user.is_authenticated:
        return None
    with tenant_scope(tenant_id, read_only=True):
        membership = (
            Membership.objects.select_related("tenant", "user")
            .filter(id=membership_id, user_id=request.user.pk)
            .first()
        )
    if membership is None or not membership.user.is_active:
        return None
    return Caller(
        tenant=membership.tenant, role=membership.role, actor=f"user:{membership.user_id}", user=membership.user
    )


def sign_in_member(request: HttpRequest, membership: Membership) -> None:
    """Bind the browser to a person's membership. A new session key is made; whoever was signed in before is out."""
    request.session.flush()
    login(request, membership.user, backend=LOGIN_BACKEND)
    request.session[TENANT_KEY] = str(membership.tenant_id)
    request.session[MEMBERSHIP_KEY] = str(membership.id)


def sign_out(request: HttpRequest) -> None:
    """Forget who was signed in with this browser."""
    logout(request)


def session_id(request: HttpRequest, key: str) -> UUID | None:
    """Return an id kept in the browser's session."""
    value = request.session.get(key)
    return UUID(value) if value else None


def refuse_suspended(tenant: Tenant) -> None:
    """Raise Forbidden (code "tenant-suspended") when nothing may be done for the tenant."""
    if tenant.status == Tenant.Status.SUSPENDED:
        raise Forbidden(
            _("%(tenant)s is suspended. Ask the provider to resume it.") % {"tenant": tenant.name},
            code="tenant-suspended",
            tenant=tenant.slug,
        )
