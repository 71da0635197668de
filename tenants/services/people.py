"""People in tenants: members join, change their part, and leave."""

from dataclasses import dataclass
from uuid import UUID

from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _

from tenants.errors import Conflict, Invalid, NotFound
from tenants.models import CSP_TENANT_ID, Membership, Role, User
from tenants.services.writing import writing


@dataclass(frozen=True, slots=True, kw_only=True)
class Person:
    """Somebody who is to become a member. `password` is needed for those whom the platform does not know yet."""

    email: str
    name: str
    password: str | None = None


def add_member(*, tenant_id: UUID, person: Person, role: str, actor: str) -> Membership:
    """Give a person a part in the tenant and return the membership, with its person.

    Somebody whom the platform knows by the e-mail address keeps name and password: no tenant changes another's people.
    Raises Invalid for a role that cannot be given here or for a weak or missing password, Conflict (code "taken") for
    somebody who is a member already.
    """
    refuse_role(tenant_id, role)
    with writing(tenant_id, actor=actor):
        return join(person, role=role)


def join(person: Person, *, role: str) -> Membership:
    """Write a membership and, for somebody new, the person, inside the open scope."""
    user = User.objects.filter(email=person.email.strip().lower()).first() or _new_user(person)
    membership: Membership = Membership.objects.create(user=user, role=role)
    return membership


def change_member_role(*, tenant_id: UUID, membership_id: UUID, role: str, actor: str) -> Membership:
    """Give a member another role. Raises NotFound, Invalid, and Conflict (code "last-administrator")."""
    refuse_role(tenant_id, role)
    with writing(tenant_id, actor=actor):
        membership = _locked(membership_id)
        if membership.role == Role.AGENT:
            raise Invalid(_("An agent's part is changed where agents are looked after."), code="member-is-agent")
        if role != _leading_role(tenant_id):
            _refuse_last(membership, tenant_id)
        membership.role = role
        membership.save(update_fields=["role"])
        return membership


def remove_member(*, tenant_id: UUID, membership_id: UUID, actor: str) -> None:
    """End a membership; the person stays known.

    Raises NotFound, Conflict (codes "last-administrator", "member-is-agent").
    """
    with writing(tenant_id, actor=actor):
        membership = _locked(membership_id)
        if membership.role == Role.AGENT:
            raise Conflict(_("This is an agent; deactivate the agent instead."), code="member-is-agent")
        _refuse_last(membership, tenant_id)
        membership.delete()


def refuse_role(tenant_id: UUID, role: str) -> None:
    """Raise Invalid for a role that cannot be given by hand in this tenant.

    Operators exist in tenant zero only; agents are made with number and skills by `agents`.
    """
    allowed = {Role.ADMINISTRATOR, Role.SUPERVISOR}
    if tenant_id == CSP_TENANT_ID:
        allowed |= {Role.OPERATOR}
    if role not in allowed:
        names = ", ".join(sorted(map(str, allowed)))
        message = _("must be one of %(roles)s here") % {"roles": names}
        raise Invalid(
            _("The role %(role)s cannot be given here; choose one of %(roles)s.") % {"role": role, "roles": names},
            code="role-not-allowed",
            errors=[{"pointer": "/role", "message": message}],
        )


def _new_user(person: Person) -> User:
    user = User(email=person.email.strip().lower(), name=person.name)
    _refuse_weak(person.password, user)
    user.set_password(person.password)
    user.save(force_insert=True)
    return user


def _refuse_weak(password: str | None, user: User) -> None:
    faults = [_("A password is needed for somebody who is new here.")]
    if password:
        try:
            validate_password(password, user)
        except ValidationError as error:
            faults = error.messages
        else:
            return
    raise Invalid(_("This password cannot be taken."), code="weak-password", errors={"password": faults})


def _locked(membership_id: UUID) -> Membership:
    # All of the tenant's memberships, in one order: who is the last administrator must not change meanwhile.
    locked = Membership.objects.select_for_update(of=("self",)).select_related("user").order_by("id")
    rows: dict[UUID, Membership] = {row.id: row for row in locked}
    if membership_id not in rows:
        raise NotFound(_("There is no such member."))
    return rows[membership_id]


def _leading_role(tenant_id: UUID) -> str:
    return Role.OPERATOR if tenant_id == CSP_TENANT_ID else Role.ADMINISTRATOR


def _refuse_last(membership: Membership, tenant_id: UUID) -> None:
    leading = _leading_role(tenant_id)
    if membership.role == leading and not Membership.objects.filter(role=leading).exclude(id=membership.id).exists():
        raise Conflict(
            _("This is the last one with the role %(role)s; name another first.") % {"role": leading},
            code="last-administrator",
        )
