"""How many contacts of each channel agents have at once, and what comes on top of what."""

from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from agents.channels import Channel, check_capacity, check_rule
from agents.models import ChannelRules
from agents.services.slots import change_channel_rules, find_rules
from tenants.api.public import TenantView
from tenants.public import Right


def capacity_field(*, help_text: str) -> serializers.DictField:
    """Return a field for numbers by channel."""
    return serializers.DictField(
        child=serializers.IntegerField(), required=False, validators=[check_capacity], help_text=help_text
    )


class ChannelRulesSerializer(serializers.ModelSerializer[ChannelRules]):
    capacity = capacity_field(
        help_text="By channel, how many contacts at once of agents without a number of their own."
    )
    kept_away_by = serializers.DictField(
        child=serializers.ListField(child=serializers.ChoiceField(choices=Channel.choices)),
        required=False,
        validators=[check_rule],
        help_text="By channel: none of its contacts comes while the agent holds, or is offered, one of these channels.",
    )

    class Meta:
        model = ChannelRules
        fields = ("capacity", "kept_away_by")


class ChannelRulesView(TenantView):
    """How many contacts of each channel an agent has at once, and what may come on top of what.

    A change holds for all agents at once; what is in hand stays in hand.
    """

    read_right = Right.READ_STAFF
    write_right = Right.WRITE_STAFF

    @extend_schema(responses=ChannelRulesSerializer)
    def get(self, request: Request) -> Response:
        return Response(ChannelRulesSerializer(find_rules()).data)

    @extend_schema(request=ChannelRulesSerializer, responses=ChannelRulesSerializer)
    def patch(self, request: Request) -> Response:
        values: dict[str, Any] = self.checked(ChannelRulesSerializer, partial=True)
        rules = change_channel_rules(tenant_id=self.caller.tenant_id, values=values, actor=self.caller.actor)
        return Response(ChannelRulesSerializer(rules).data)
