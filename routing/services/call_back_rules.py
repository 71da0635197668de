"""How services call back: a rule is checked as a whole before it is kept."""

import secrets
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit
from uuid import UUID

from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _

from routing.flows.shape import hours_problems
from routing.models import CallBackRule
from tenants.public import Conflict, Invalid, NotFound, writing

MOST_ORIGINS = 20


def save_rule(*, tenant_id: UUID, rule_id: UUID | None, values: Mapping[str, Any], actor: str) -> CallBackRule:
    """Make a rule (`rule_id` None) or change one; `values` are its fields.

    One that takes call-backs from the web gets a key, by which its form is found; the key stays. Raises NotFound,
    Conflict "rule-exists", Invalid "hours-invalid", "origin-invalid", "no-queue", "invalid".
    """
    with writing(tenant_id, actor=actor):
        rule = CallBackRule(tenant_id=tenant_id) if rule_id is None else _locked(rule_id)
        for name, value in values.items():
            setattr(rule, name, value)
        check_rule(rule)
        if CallBackRule.objects.filter(entry_point=rule.entry_point_id).exclude(id=rule.id).exists():
            raise Conflict(_("This service has a call-back rule already."), code="rule-exists")
        if rule.on_web and not rule.key:
            rule.key = secrets.token_urlsafe(16)
        rule.save()
        return rule


def remove_rule(*, tenant_id: UUID, rule_id: UUID, actor: str) -> None:
    """Remove a rule; its service then calls back as the defaults say. Raises NotFound."""
    with writing(tenant_id, actor=actor):
        _locked(rule_id).delete()


def check_rule(rule: CallBackRule) -> None:
    """Raise Invalid when the rule cannot be: as `save_rule` says."""
    if rule.hours and (wrong := hours_problems(rule.hours)):
        raise Invalid(
            _("These are no opening hours: %(problem)s") % {"problem": wrong[0].message}, code="hours-invalid"
        )
    if not isinstance(rule.origins, list) or len(rule.origins) > MOST_ORIGINS or not all(map(_is_origin, rule.origins)):
        message = _("Name the sites that may embed the form as a list, each such as “https://www.example.com”.")
        raise Invalid(message, code="origin-invalid")
    if rule.on_web and rule.queue_id is None:
        raise Invalid(_("Call-backs from the web need a queue to wait in."), code="no-queue")
    try:
        rule.clean_fields(exclude=["tenant", "entry_point", "queue", "key"])
    except ValidationError as refusal:
        raise Invalid(" ".join(refusal.messages), code="invalid") from refusal


def _is_origin(origin: object) -> bool:
    if not isinstance(origin, str) or any(character in origin for character in " ;,'\""):
        return False
    try:
        parts = urlsplit(origin)
        host, _port = parts.hostname, parts.port
    except ValueError:
        return False
    return parts.scheme in ("https", "http") and bool(host) and origin == f"{parts.scheme}://{parts.netloc}"


def _locked(rule_id: UUID) -> CallBackRule:
    rule: CallBackRule | None = CallBackRule.objects.select_for_update().filter(id=rule_id).first()
    if rule is None:
        raise NotFound(_("There is no such call-back rule."), rule=str(rule_id))
    return rule
