"""Publishing flows: a definition is checked whole, kept as a new version, and followed by new contacts from then on."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any
from uuid import UUID

from django.conf import settings
from django.db.models import Max
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from routing.flows import FlowReport, References, validate_flow
from routing.models import EntryPoint, Flow, FlowVersion, Queue
from routing.speech import SPOKEN_LANGUAGES
from tenants.public import Invalid, NotFound, Tenant, engine_scope, tenant_scope


def check_flow(*, tenant_id: UUID, definition: object) -> FlowReport:
    """Say everything that is wrong with a definition, against the tenant's queues and the services it may reach."""
    services = public_services()
    with tenant_scope(tenant_id, read_only=True):
        tenant = Tenant.objects.get(id=tenant_id)
        own = {(tenant.slug, code) for code in EntryPoint.objects.values_list("code", flat=True)}
        references = References(
            queues=set(Queue.objects.filter(active=True).values_list("code", flat=True)),
            services=services | own,
            sounds=recorded_sounds(),
            languages=[tenant.language],
            spoken=SPOKEN_LANGUAGES,
        )
    return validate_flow(definition, references)


def publish_flow(*, tenant_id: UUID, flow_id: UUID, definition: dict[str, Any], actor: str) -> FlowVersion:
    """Keep a valid definition as the flow's next version and publish it. Contacts under way finish the one they began.

    Raises NotFound; Invalid "flow-invalid" with every problem (pointer, code, message, severity) in `errors`.
    """
    report = check_flow(tenant_id=tenant_id, definition=definition)
    if report.errors:
        raise Invalid(
            ngettext(
                "The flow has an error; nothing was changed.",
                "The flow has %(count)d errors; nothing was changed.",
                len(report.errors),
            )
            % {"count": len(report.errors)},
            code="flow-invalid",
            errors=[problem.as_json() for problem in report.problems],
        )
    with tenant_scope(tenant_id, actor=actor):
        flow = Flow.objects.select_for_update().filter(id=flow_id).first()
        if flow is None:
            raise NotFound(_("There is no flow %(flow)s.") % {"flow": flow_id}, flow=str(flow_id))
        last = FlowVersion.objects.filter(flow=flow).aggregate(last=Max("number"))["last"] or 0
        version: FlowVersion = FlowVersion.objects.create(
            flow=flow, number=last + 1, definition=definition, created_by=actor
        )
        flow.published = version
        flow.save(update_fields=["published"])
        return version


def public_services() -> set[tuple[str, str]]:
    """Return (tenant code, entry point code) of every service that others may hand over to.

    A named cross-tenant read: it tells codes that are public by their own tenant's choice, and nothing else.
    """
    with engine_scope(read_only=True):
        rows = EntryPoint.objects.filter(public=True, tenant__status=Tenant.Status.ACTIVE)
        return set(rows.values_list("tenant__slug", "code"))


def recorded_sounds() -> Sequence[str]:
    """Return the names of the recordings that flows may play."""
    return [path.stem for path in Path(settings.HOTSEAT_SOUNDS_DIR, "recorded").glob("*.wav")]
