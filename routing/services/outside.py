"""What the operator says of the outside: the trunks that lead there, and who must not be dialled."""

from collections.abc import Sequence
from dataclasses import dataclass

from django.utils.translation import gettext as _

from routing.models import BarredPrefix, Trunk
from routing.services.backup_targets import SHORT, barred_by
from tenants.public import CSP_TENANT_ID, Invalid, is_premium, normalise, tenant_scope


@dataclass(frozen=True, slots=True)
class Outside:
    """What the operator says of the outside: who may not be dialled, and the trunks in order."""

    barred: Sequence[BarredPrefix]
    trunks: Sequence[Trunk]

    def trunk_of(self, node: str) -> Trunk | None:
        """Return the first active trunk of an exchange."""
        return next((trunk for trunk in self.trunks if trunk.node == node and trunk.active), None)


def read_outside() -> Outside:
    """Read what the operator says of the outside. Opens the platform's scope."""
    with tenant_scope(CSP_TENANT_ID, read_only=True):
        return Outside(list(BarredPrefix.objects.all()), list(Trunk.objects.all()))


def callable_number(raw: str, outside: Outside, *, region: str | None = None) -> str:
    """Return a number that may be called, in E.164 form; `region` completes a national one.

    Raises Invalid: "number-malformed", "number-emergency" (and other short numbers), "number-premium",
    "number-forbidden".
    """
    digits = raw.strip().lstrip("+")
    if digits.isdecimal() and len(digits) <= SHORT:
        message = _("“%(number)s” is a short number. Emergency and service numbers are not called back.")
        raise Invalid(message % {"number": raw}, code="number-emergency")
    number = normalise(raw, region=region)
    if not number:
        message = _("“%(number)s” is not a number in international form, such as +8675583660001.")
        raise Invalid(message % {"number": raw[:40]}, code="number-malformed")
    row = barred_by(number, outside.barred)
    if row is not None:
        message = _("%(number)s must not be dialled: numbers from %(prefix)s are barred (%(why)s).")
        said = message % {"number": number, "prefix": row.prefix, "why": row.get_why_display()}
        raise Invalid(said, code=f"number-{row.why}")
    if is_premium(number):
        message = _("%(number)s is a premium-rate number. Such numbers are not called back.")
        raise Invalid(message % {"number": number}, code="number-premium")
    return number
