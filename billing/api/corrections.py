"""Corrections of usage lines, and re-ratings. The operator makes them, tenant by tenant; an enterprise reads them."""

from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from billing.api.statements import UsageLineSerializer, UsageLineViewSet
from billing.api.target import OfTenant
from billing.events import hint_rerating
from billing.models import Rerating
from billing.services.corrections import LONGEST_REASON, correct_line
from billing.services.rerating import order_rerating
from tenants.api.public import ReadRows
from tenants.public import Right


class CorrectionSerializer(serializers.Serializer[Any]):
    """What a line should come to, all corrections together, and why."""

    amount = serializers.DecimalField(max_digits=18, decimal_places=6, min_value=0)
    reason = serializers.CharField(max_length=LONGEST_REASON)


class ReratingSerializer(serializers.ModelSerializer[Rerating]):
    class Meta:
        model = Rerating
        fields = (
            "id",
            "first_day",
            "last_day",
            "reason",
            "made_by",
            "created_at",
            "finished_at",
            "lines",
            "corrected",
            "kept",
            "unpriced",
        )
        read_only_fields = fields[4:]


class TenantUsageLineViewSet(OfTenant, UsageLineViewSet):
    """An enterprise's usage lines."""

    read_right = OfTenant.read_right

    @extend_schema(request=CorrectionSerializer, responses={201: UsageLineSerializer})
    @action(detail=True, methods=["post"])
    def correct(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Let the line come to `amount` by a further line, which is answered. The line itself never changes.

        A correction cannot be corrected (409, `corrects-a-correction`): correct its line once more. A line that comes
        to the amount already is refused too (409, `nothing-to-correct`), so sending it twice corrects once.
        """
        values, line_id = self.checked(CorrectionSerializer), self.own_id()
        return self.show(correct_line(**self.whose, line_id=line_id, **values).id, status=201)


class ReratingViewSet(ReadRows):
    """Re-ratings: minutes of some days priced again after a tariff was put right."""

    model = Rerating
    serializer_class: Any = ReratingSerializer
    read_right = Right.READ_STATEMENTS


class TenantReratingViewSet(OfTenant, ReratingViewSet):
    """An enterprise's re-ratings. A POST orders one; it is carried out in the background, `finished_at` says when."""

    read_right = OfTenant.read_right

    def create(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Order it. Lines that differ from what the rates say now get corrections; corrections by hand are kept."""
        order = order_rerating(**self.whose, **self.checked(ReratingSerializer))
        hint_rerating(order)
        return self.show(order.id, status=201)
