"""Contacts, and what an agent does with them."""

from dataclasses import asdict
from typing import Any
from uuid import UUID

import django_filters
from django.db.models import OuterRef, QuerySet, Subquery
from django.utils.translation import gettext as _
from drf_spectacular.utils import extend_schema, extend_schema_field
from rest_framework import serializers
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from agents.api.public import AgentSessionSerializer, DeskView
from routing.models import Contact, ContactParty, Direction, Disposition, Offer, Participation, Segment
from routing.services.announce import position
from routing.services.desk import NOTE_LIMIT, end_contact, finish_wrap_up
from routing.services.flows import public_services
from routing.services.offers import accept_offer, reject_offer
from routing.services.transfers import NOTE_LIMIT as TRANSFER_NOTE_LIMIT
from routing.services.transfers import (
    Asked,
    escalate_contact,
    return_to_queue,
    transfer_to_agent,
    transfer_to_queue,
    transfer_to_service,
)
from routing.states import ContactState, EndReason, RejectReason, TransferReason
from routing.transfer_targets import transfer_targets
from routing.waiting import CONFIDENCE, estimate_wait
from tenants.api.public import NewestFirst, ReadRows, RelatedId, RowFilter
from tenants.public import Right, normalise

OF_THE_AGENT = ("end", "transfer", "escalate", "return_to_queue")
"""What an agent may do with the contact that they are on, besides those who may end any."""


class ContactSerializer(serializers.ModelSerializer[Contact]):
    number = serializers.CharField(source="number.e164", allow_null=True, default=None)
    entry_point = serializers.CharField(source="entry_point.name", allow_null=True, default=None)
    queue_name = serializers.CharField(source="queue.name", allow_null=True, default=None)
    disposition = serializers.CharField(source="disposition.name", allow_null=True, default=None)
    ani = serializers.CharField(help_text="Who called, in E.164 form; empty when hidden or malformed.")
    dnis = serializers.CharField()
    agent = serializers.CharField(source="agent_number", allow_null=True, help_text="The last agent's number.")
    affinity_agent = serializers.CharField(
        source="affinity_session.agent.number",
        allow_null=True,
        default=None,
        help_text="The number of the agent for whom it waits until `affinity_until`, or waited.",
    )
    customer_segment = serializers.CharField(
        source="segment", read_only=True, help_text="Empty where it was not looked up who calls."
    )
    metered_seconds = serializers.SerializerMethodField()

    class Meta:
        model = Contact
        fields: tuple[str, ...] = (
            "id",
            "interaction",
            "state",
            "end_reason",
            "direction",
            "channel",
            "language",
            "is_test",
            "ani",
            "dnis",
            "customer_segment",
            "number",
            "entry_point",
            "queue",
            "queue_name",
            "agent",
            "affinity_agent",
            "affinity_until",
            "arrived_at",
            "queued_at",
            "connected_at",
            "ended_at",
            "metered_seconds",
            "disposition",
        )

    def get_metered_seconds(self, contact: Contact) -> float | None:
        return None if contact.metered_ms is None else contact.metered_ms / 1000


class SegmentSerializer(serializers.ModelSerializer[Segment]):
    class Meta:
        model = Segment
        fields = ("kind", "queue", "session", "started_at", "ended_at")


class OfferSerializer(serializers.ModelSerializer[Offer]):
    agent = serializers.CharField(source="session.agent.number")

    class Meta:
        model = Offer
        fields = ("id", "agent", "state", "cause", "offered_at", "ringing_at", "accepted_at", "ended_at", "decision")


class WaitSerializer(serializers.Serializer[Any]):
    """How long a contact will probably wait yet, from now on, and the range in which its wait lies so often."""

    seconds = serializers.FloatField()
    low = serializers.FloatField()
    high = serializers.FloatField()
    confidence = serializers.FloatField(help_text="0.8: eight waits of ten lie in the range.")


class ContactDetailSerializer(ContactSerializer):
    position = serializers.SerializerMethodField(help_text="The place in its queue, 1 is next; null when not waiting.")
    estimated_wait = serializers.SerializerMethodField(help_text="null when it does not wait, or nothing is known.")
    note = serializers.CharField()
    segments = SegmentSerializer(many=True)
    offers = OfferSerializer(many=True)

    class Meta(ContactSerializer.Meta):
        fields = (*ContactSerializer.Meta.fields, "position", "estimated_wait", "note", "segments", "offers")

    @extend_schema_field(serializers.IntegerField(allow_null=True))
    def get_position(self, contact: Contact) -> int | None:
        return position(contact) if contact.state == ContactState.QUEUED else None

    @extend_schema_field(WaitSerializer(allow_null=True))
    def get_estimated_wait(self, contact: Contact) -> dict[str, float] | None:
        wait = estimate_wait(contact)
        return None if wait is None else {**asdict(wait), "confidence": CONFIDENCE}


class WhySerializer(serializers.Serializer[Any]):
    """Why a contact is passed on; the next agent sees it, with who and when."""

    reason = serializers.ChoiceField(choices=TransferReason.choices)
    note = serializers.CharField(max_length=TRANSFER_NOTE_LIMIT, required=False, allow_blank=True, default="")


class TransferSerializer(WhySerializer):
    """Where a contact is passed on to: a queue, an agent, or another company's public service. One of them."""

    queue = serializers.CharField(required=False, help_text="A queue's code.")
    agent = serializers.CharField(required=False, help_text="The number of an agent who is ready and free.")
    tenant = serializers.CharField(required=False, help_text="The code of another company; with `service`.")
    service = serializers.CharField(required=False, help_text="The code of one of its public services.")

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        named = attrs.keys() & {"queue", "agent", "tenant", "service"}
        if named not in ({"queue"}, {"agent"}, {"tenant", "service"}):
            raise serializers.ValidationError(_("Name one target: a queue, an agent, or a company and its service."))
        return attrs


class ContactFilter(RowFilter):
    """Times are ISO 8601 with an offset; `ani` is a telephone number in any international way of writing."""

    state = django_filters.MultipleChoiceFilter(choices=ContactState.choices)
    end_reason = django_filters.MultipleChoiceFilter(choices=EndReason.choices)
    direction = django_filters.ChoiceFilter(choices=Direction.choices)
    queue = django_filters.UUIDFilter(field_name="queue_id")
    interaction = django_filters.UUIDFilter(field_name="interaction_id")
    is_test = django_filters.BooleanFilter()
    arrived_after = django_filters.IsoDateTimeFilter(field_name="arrived_at", lookup_expr="gte")
    arrived_before = django_filters.IsoDateTimeFilter(field_name="arrived_at", lookup_expr="lt")
    ani = django_filters.CharFilter(method="by_ani", label="calling number")

    def by_ani(self, rows: QuerySet[Contact], name: str, value: str) -> QuerySet[Contact]:
        number = normalise(value)
        if not number:
            return rows.none()
        parties = ContactParty.objects.filter(ani=number, ani_restricted=False)
        return rows.filter(id__in=parties.values("contact_id"))


def contact_rows() -> QuerySet[Contact]:
    """Return contacts with what a list shows of them, in one query however many there are."""
    party = ContactParty.objects.filter(contact_id=OuterRef("id"))
    open_party = party.filter(ani_restricted=False)
    handlers = Participation.objects.filter(contact_id=OuterRef("id")).order_by("-joined_at")
    rows: QuerySet[Contact] = Contact.objects.select_related(
        "number", "entry_point", "queue", "disposition", "affinity_session__agent"
    )
    return rows.annotate(
        ani=Subquery(open_party.values("ani")[:1]),
        dnis=Subquery(party.values("dnis")[:1]),
        note=Subquery(party.values("note")[:1]),
        agent_number=Subquery(handlers.values("session__agent__number")[:1]),
    )


class ContactViewSet(ReadRows):
    """Contacts, newest first."""

    model = Contact
    filterset_class = ContactFilter
    pagination_class = NewestFirst
    read_right = Right.READ_CONTACTS
    write_right = Right.END_CONTACTS

    def rows(self) -> QuerySet[Any]:
        rows = contact_rows()
        return rows if self.action == "list" else rows.prefetch_related("segments", "offers__session__agent")

    def get_serializer_class(self) -> type[ContactSerializer]:
        return ContactSerializer if self.action == "list" else ContactDetailSerializer

    def right(self) -> Right | None:
        # An agent may end or pass on the contact that they are on, and only that; the services see to it.
        agent = self.action in OF_THE_AGENT and self.caller.agent_session_id is not None
        return Right.USE_DESK if agent else super().right()

    @extend_schema(request=None, responses={204: None})
    @action(detail=True, methods=["post"])
    def end(self, request: Request, pk: UUID) -> Response:
        """Hang up the caller. The contact ends when the switch reports it."""
        end_contact(
            tenant_id=self.caller.tenant_id,
            contact_id=pk,
            actor=self.caller.actor,
            session_id=self.caller.agent_session_id,
        )
        return Response(status=204)

    @extend_schema(request=TransferSerializer, responses={204: None})
    @action(detail=True, methods=["post"])
    def transfer(self, request: Request, pk: UUID) -> Response:
        """Pass the contact on to a queue, an agent, or another company's service. Its agent is done with it at once."""
        values = self.checked(TransferSerializer)
        asked = self._asked(pk, values)
        if "queue" in values:
            transfer_to_queue(asked=asked, queue_code=values["queue"])
        elif "agent" in values:
            transfer_to_agent(asked=asked, agent_number=values["agent"])
        else:
            transfer_to_service(asked=asked, tenant=values["tenant"], service=values["service"])
        return Response(status=204)

    @extend_schema(request=WhySerializer, responses={204: None})
    @action(detail=True, methods=["post"])
    def escalate(self, request: Request, pk: UUID) -> Response:
        """Pass the contact on to the queue to which its own escalates."""
        escalate_contact(asked=self._asked(pk, self.checked(WhySerializer)))
        return Response(status=204)

    @extend_schema(request=WhySerializer, responses={204: None})
    @action(detail=True, methods=["post"], url_path="return-to-queue")
    def return_to_queue(self, request: Request, pk: UUID) -> Response:
        """Let the contact wait in its own queue again, for another agent."""
        return_to_queue(asked=self._asked(pk, self.checked(WhySerializer)))
        return Response(status=204)

    def _asked(self, contact_id: UUID, values: dict[str, Any]) -> Asked:
        caller = self.caller
        return Asked(
            tenant_id=caller.tenant_id,
            contact_id=contact_id,
            actor=caller.actor,
            session_id=caller.agent_session_id,
            reason=values["reason"],
            note=values["note"],
        )


class TargetQueueSerializer(serializers.Serializer[Any]):
    code = serializers.CharField()
    name = serializers.CharField()


class TargetAgentSerializer(serializers.Serializer[Any]):
    number = serializers.CharField()
    name = serializers.CharField()
    free = serializers.BooleanField()


class TargetServiceSerializer(serializers.Serializer[Any]):
    tenant = serializers.CharField()
    service = serializers.CharField()


class TargetsSerializer(serializers.Serializer[Any]):
    """Where an agent may pass a contact on to now."""

    queues = TargetQueueSerializer(many=True)
    agents = TargetAgentSerializer(many=True)
    services = TargetServiceSerializer(many=True)


class TransferTargetsView(DeskView):
    """Where the agent may pass a contact on to now: open queues, colleagues at work, other companies' services."""

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        super().initial(request, *args, **kwargs)
        # Across tenants: before the caller's own scope is opened.
        self.services = public_services()

    @extend_schema(responses=TargetsSerializer)
    def get(self, request: Request) -> Response:
        targets = transfer_targets(self.services, tenant_id=self.caller.tenant_id, session_id=self.session_id)
        return Response(TargetsSerializer(targets).data)


class AcceptView(DeskView):
    """Accept an offer at the desk; the station's phone then answers by itself."""

    @extend_schema(request=None, responses={204: None})
    def post(self, request: Request, offer_id: UUID) -> Response:
        caller = self.caller
        accept_offer(tenant_id=caller.tenant_id, offer_id=offer_id, session_id=self.session_id, actor=caller.actor)
        return Response(status=204)


class RejectSerializer(serializers.Serializer[Any]):
    reason = serializers.ChoiceField(choices=RejectReason.choices, required=False, default=RejectReason.AGENT)


class RejectView(DeskView):
    """Reject an offer. The contact keeps its place and goes to the next agent."""

    @extend_schema(request=RejectSerializer, responses={204: None})
    def post(self, request: Request, offer_id: UUID) -> Response:
        reason = self.checked(RejectSerializer)["reason"]
        reject_offer(
            tenant_id=self.caller.tenant_id,
            offer_id=offer_id,
            session_id=self.session_id,
            reason=reason,
            actor=self.caller.actor,
        )
        return Response(status=204)


class FinishSerializer(serializers.Serializer[Any]):
    disposition = RelatedId(Disposition, required=False, allow_null=True, default=None)
    note = serializers.CharField(max_length=NOTE_LIMIT, required=False, allow_blank=True, default="")


class FinishWrapUpView(DeskView):
    """Finish the work after a contact: what came of it, a note, and on to the next state."""

    @extend_schema(request=FinishSerializer, responses=AgentSessionSerializer)
    def post(self, request: Request) -> Response:
        values = self.checked(FinishSerializer)
        finish_wrap_up(
            tenant_id=self.caller.tenant_id,
            session_id=self.session_id,
            note=values["note"],
            disposition_id=getattr(values["disposition"], "id", None),
            actor=self.caller.actor,
        )
        return self.answer_session()
