"""Tenants, as the operator makes, suspends and resumes them, and their numbers."""

from uuid import UUID

from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _

from tenants.directory import number_is_taken
from tenants.errors import Conflict, Invalid, NotFound
from tenants.ids import uuid7
from tenants.models import CSP_TENANT_ID, Entitlement, Number, Role, Tenant
from tenants.phones import validate_e164
from tenants.services.people import Person, join
from tenants.services.writing import writing


def create_tenant(
    *,
    slug: str,
    name: str,
    administrator: Person,
    seats: int,
    actor: str,
    numbers: int | None = None,
    time_zone: str = "UTC",
    language: str = "en",
    currency: str = "EUR",
) -> Tenant:
    """Make an enterprise with its first administrator; it may use `seats` seats (and `numbers` numbers) at once.

    Raises Invalid for single fields, Conflict (code "taken") for a code that another tenant has.
    """
    tenant = Tenant(id=uuid7(), slug=slug, name=name, time_zone=time_zone, language=language, currency=currency.upper())
    try:
        tenant.clean_fields()
    except ValidationError as error:
        raise Invalid(_("The tenant's data are not valid."), errors=error.message_dict) from error
    with writing(tenant.id, actor=actor):
        tenant.save(force_insert=True)
        Entitlement.objects.create(kind=Entitlement.Kind.SEATS, limit=seats)
        if numbers is not None:
            Entitlement.objects.create(kind=Entitlement.Kind.NUMBERS, limit=numbers)
        join(administrator, role=Role.ADMINISTRATOR)
    return tenant


def suspend_tenant(*, tenant_id: UUID, actor: str) -> Tenant:
    """Refuse the tenant everything until it is resumed; its data stay. Raises NotFound, Conflict for the provider.

    New calls are turned away, pages and sockets close, nobody logs in. Calls in progress go on, and callers who wait
    already are served by the agents who are logged in, at their phones: the caller is not to suffer.
    """
    if tenant_id == CSP_TENANT_ID:
        raise Conflict(_("The provider itself cannot be suspended."), code="provider-cannot-be-suspended")
    return _set_status(tenant_id, Tenant.Status.SUSPENDED, actor=actor)


def resume_tenant(*, tenant_id: UUID, actor: str) -> Tenant:
    """End a suspension. Nothing happens when there is none. Raises NotFound."""
    return _set_status(tenant_id, Tenant.Status.ACTIVE, actor=actor)


def assign_number(*, tenant_id: UUID, e164: str, actor: str, label: str = "") -> Number:
    """Let a tenant have a number: public when it is the provider's own, private otherwise. Billing prices the lease.

    Raises Invalid for what is no number, Conflict (code "number-taken", without saying by whom), NotFound for an
    unknown tenant.
    """
    try:
        validate_e164(e164)
    except ValidationError as error:
        raise Invalid(error.messages[0], errors={"e164": error.messages}) from error
    if number_is_taken(e164):
        raise _taken(e164)
    kind = Number.Kind.PUBLIC if tenant_id == CSP_TENANT_ID else Number.Kind.PRIVATE
    try:
        with writing(tenant_id, actor=actor):
            _locked(tenant_id)
            number: Number = Number.objects.create(e164=e164, kind=kind, label=label)
            return number
    except Conflict as error:
        # Two at once: the unique index decides.
        raise (_taken(e164) if error.code == "taken" else error) from error


def release_number(*, number_id: UUID, tenant_id: UUID, actor: str) -> None:
    """Take a number back from a tenant. Raises NotFound, and Conflict (code "in-use") while an entry point has it."""
    with writing(tenant_id, actor=actor):
        number = Number.objects.select_for_update().filter(id=number_id).first()
        if number is None:
            raise NotFound(_("There is no such number."))
        number.delete()


def _set_status(tenant_id: UUID, status: Tenant.Status, *, actor: str) -> Tenant:
    # The platform's scope: in its own a tenant's status cannot be changed.
    with writing(CSP_TENANT_ID, actor=actor):
        tenant = _locked(tenant_id)
        if tenant.status != status:
            tenant.status = status
            tenant.save(update_fields=["status"])
        return tenant


def _locked(tenant_id: UUID) -> Tenant:
    tenant = Tenant.objects.select_for_update().filter(id=tenant_id).first()
    if tenant is None:
        raise NotFound(_("There is no such tenant."))
    return tenant


def _taken(e164: str) -> Conflict:
    return Conflict(
        _("The number %(number)s is taken.") % {"number": e164},
        code="number-taken",
        errors=[{"pointer": "/e164", "message": _("is already taken")}],
    )
