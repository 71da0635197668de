"""What the OpenAPI document says of every operation: how to sign in, problems, and the Idempotency-Key."""

from typing import Any, Literal

from django.utils.translation import gettext_lazy as _
from drf_spectacular.extensions import OpenApiAuthenticationExtension
from drf_spectacular.openapi import AutoSchema
from drf_spectacular.utils import OpenApiParameter
from rest_framework import serializers

from tenants.api.idempotency import LONGEST_KEY
from tenants.api.problems import CONTENT_TYPE

KEY_PARAMETER = OpenApiParameter(
    name="Idempotency-Key",
    type={"type": "string", "maxLength": LONGEST_KEY},
    location=OpenApiParameter.HEADER,
    description="Makes repeating the request safe: within 24 hours it takes effect once and gets the same answer.",
)
ALWAYS = ("401", "403", "404")
ON_WRITES = ("400", "409", "413", "415", "422")
ON_LISTS = ("422",)


class FaultSerializer(serializers.Serializer[Any]):
    """One fault of the request's body."""

    pointer = serializers.CharField(help_text=_("JSON pointer (RFC 6901) into the request's body."))
    message = serializers.CharField()


class ProblemSerializer(serializers.Serializer[Any]):
    """A problem (RFC 9457)."""

    type = serializers.CharField()
    title = serializers.CharField()
    status = serializers.IntegerField()
    detail = serializers.CharField()
    code = serializers.CharField(help_text=_("Stable and for machines; the other texts may change."))
    errors = FaultSerializer(many=True)  # type: ignore[assignment]  # a field of the document, named as in RFC 9457
    request_id = serializers.CharField()


class ProblemSchema(AutoSchema):
    """Adds the problems that every operation may answer with."""

    def get_override_parameters(self) -> list[Any]:
        parameters = list(super().get_override_parameters())
        return [*parameters, KEY_PARAMETER] if self.method == "POST" else parameters

    def _get_response_bodies(self, direction: Literal["request", "response"] = "response") -> dict[str, Any]:
        bodies: dict[str, Any] = super()._get_response_bodies(direction)
        codes = {*ALWAYS, *(ON_LISTS if self.method == "GET" else ON_WRITES)}
        for code in sorted(codes - bodies.keys()):
            bodies[code] = self._get_response_for_code(  # type: ignore[no-untyped-call]  # the library's
                ProblemSerializer, code, media_types=[CONTENT_TYPE]
            )
        return bodies


class ApiKeyScheme(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]  # the library's
    target_class = "tenants.api.authentication.ApiKeyAuthentication"
    name = "apiKey"

    def get_security_definition(self, auto_schema: AutoSchema) -> dict[str, Any]:
        return {"type": "http", "scheme": "bearer", "bearerFormat": "prefix.secret"}


class BrowserScheme(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]  # the library's
    target_class = "tenants.api.authentication.BrowserAuthentication"
    name = "browserSession"

    def get_security_definition(self, auto_schema: AutoSchema) -> dict[str, Any]:
        return {"type": "apiKey", "in": "cookie", "name": "sessionid"}
