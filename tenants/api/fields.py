"""Serializer fields that cannot reach another tenant."""

from typing import Any

from django.db.models import Model, QuerySet
from django.utils.translation import gettext_lazy as _
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from tenants.phones import normalise


@extend_schema_field(OpenApiTypes.UUID)
class RelatedId(serializers.PrimaryKeyRelatedField[Any]):
    """The id of another row of the same tenant. A foreign id and a missing one are refused alike (422)."""

    default_error_messages = {
        "does_not_exist": _("There is no such object: {pk_value}."),
        "incorrect_type": _("Give an id as text, not {data_type}."),
    }

    def __init__(self, model: type[Model], **options: Any) -> None:
        self.model = model
        # Satisfies the framework's check; the rows come from the scope's manager at each use.
        if not options.get("read_only"):
            options["queryset"] = QuerySet(model).none()
        super().__init__(pk_field=serializers.UUIDField(), **options)

    def get_queryset(self) -> QuerySet[Any]:
        return self.model._default_manager.all()

    def use_pk_only_optimization(self) -> bool:
        return True


@extend_schema_field(OpenApiTypes.STR)
class RelatedCode(serializers.SlugRelatedField[Any]):
    """The code of another row of the same tenant."""

    default_error_messages = {"does_not_exist": _("There is none with the {slug_name} “{value}”.")}

    def __init__(self, model: type[Model], **options: Any) -> None:
        self.model = model
        if not options.get("read_only"):
            options["queryset"] = QuerySet(model).none()
        super().__init__(slug_field="code", **options)

    def get_queryset(self) -> QuerySet[Any]:
        return self.model._default_manager.all()


class FixedFields:
    """A mixin for serializers: the fields in `Meta.fixed_fields` are set once, when the row is made.

    Others refer to a row by its code, in flows or required skills; a new code would leave them pointing nowhere.
    """

    def validate(self, values: dict[str, Any]) -> dict[str, Any]:
        row = getattr(self, "instance", None)
        fixed = self.Meta.fixed_fields  # type: ignore[attr-defined]  # the serializer's
        changed = [name for name in fixed if row and name in values and values[name] != getattr(row, name)]
        if changed:
            raise serializers.ValidationError({name: _("This cannot be changed afterwards.") for name in changed})
        checked: dict[str, Any] = super().validate(values)  # type: ignore[misc]  # the serializer's
        return checked


class PhoneField(serializers.CharField):
    """A telephone number. Any international way of writing is taken; E.164 is kept."""

    default_error_messages = {
        "phone": _("“{value}” is not a number in international form, such as +8675583660001."),
    }

    def to_internal_value(self, data: Any) -> str:
        raw = super().to_internal_value(data)
        number = normalise(raw)
        if raw and not number:
            self.fail("phone", value=raw)
        return number
