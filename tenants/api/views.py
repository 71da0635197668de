"""The base of every API view: one caller, one right, one scope, one answer for a repeated POST."""

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from typing import Any, ClassVar
from uuid import UUID

from django.db.models import Model, QuerySet
from django.http import HttpRequest, HttpResponseBase
from django.shortcuts import get_object_or_404
from rest_framework import mixins
from rest_framework.authentication import BaseAuthentication
from rest_framework.exceptions import NotAuthenticated
from rest_framework.parsers import BaseParser
from rest_framework.permissions import BasePermission
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.serializers import BaseSerializer
from rest_framework.views import APIView
from rest_framework.viewsets import GenericViewSet, ViewSetMixin

from tenants.api import idempotency, problems
from tenants.api.authentication import ApiKeyAuthentication, BrowserAuthentication
from tenants.api.filters import RowFilter
from tenants.api.pagination import CursorPages
from tenants.api.parsers import StrictJSONParser
from tenants.api.permissions import HasRight
from tenants.callers import Caller
from tenants.rights import Right
from tenants.scope import Scope, tenant_scope
from tenants.services.writing import writing

READS = frozenset({"GET", "HEAD"})
Handler = Callable[..., Response]


class TenantView(APIView):
    """A view within the caller's tenant.

    Reads run in a read-only scope, rendering included. Writes open their own: they call a service, or use
    `self.writing()`. A subclass says which right each request needs (`read_right`, `write_right`, `action_rights`); a
    test checks that none was forgotten. None: whoever is signed in.
    """

    read_right: ClassVar[Right | None] = None
    write_right: ClassVar[Right | None] = None
    action_rights: ClassVar[Mapping[str, Right | None]] = {}
    secret_fields: ClassVar[frozenset[str]] = frozenset()
    """Fields of the answer that are shown once: a repeated POST gets null for them."""

    authentication_classes: Sequence[type[BaseAuthentication]] = [ApiKeyAuthentication, BrowserAuthentication]
    permission_classes: Sequence[type[BasePermission]] = [HasRight]
    parser_classes: Sequence[type[BaseParser]] = [StrictJSONParser]
    metadata_class = None

    @property
    def caller(self) -> Caller:
        caller = self.request.auth
        if not isinstance(caller, Caller):
            raise NotAuthenticated
        return caller

    def right(self) -> Right | None:
        """Return the right that this request needs; None for a method that the view does not have (405 follows)."""
        action = getattr(self, "action", None) or (self.request.method or "").lower()
        if action in self.action_rights:
            return self.action_rights[action]
        if not hasattr(self, action):
            return None
        return self.read_right if self.request.method in READS else self.write_right

    def writing(self) -> AbstractContextManager[Scope]:
        """Open the caller's scope for writing, as `tenants.services.writing.writing` does."""
        return writing(self.caller.tenant_id, actor=self.caller.actor)

    def reading(self) -> AbstractContextManager[Scope]:
        """Open the caller's scope for reading, in a write that calls a service before or afterwards."""
        return tenant_scope(self.caller.tenant_id, actor=self.caller.actor, read_only=True)

    def checked(self, serializer_class: type[BaseSerializer[Any]], **options: Any) -> dict[str, Any]:
        """Return the request's body as the serializer understands it, for a service; raise ValidationError.

        Related ids are looked up in a scope of its own; call it outside of one.
        """
        context = {"view": self, "request": self.request}
        with self.reading():
            serializer = serializer_class(data=self.request.data, context=context, **options)
            serializer.is_valid(raise_exception=True)
            values: dict[str, Any] = serializer.validated_data
            return values

    def get_exception_handler(self) -> Callable[[Exception, Mapping[str, Any]], Response]:
        return problems.answer_exception

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        """Authenticate, authorise, run the handler in the scope that its method needs, and render."""
        self.args, self.kwargs = args, kwargs
        self.request = self.initialize_request(request, *args, **kwargs)
        self.headers = self.default_response_headers
        try:
            self.initial(self.request, *args, **kwargs)
            handler: Handler = getattr(self, (request.method or "").lower(), self.http_method_not_allowed)
            if (request.method or "").lower() not in self.http_method_names:
                handler = self.http_method_not_allowed
            response = self._carry_out(handler)
        except Exception as error:  # noqa: BLE001 - every failure becomes a problem; what was not expected is logged
            response = self.handle_exception(error)
        self.response = self.finalize_response(self.request, response, *args, **kwargs)
        return self.response

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        if request.method not in READS:
            # Read whole, so that its size is checked before anything else happens and its hash can be taken.
            _body = request._request.body
        super().initial(request, *args, **kwargs)

    def _carry_out(self, handler: Handler) -> Response:
        if self.request.method in READS:
            return self._read(handler)
        key = self.request.headers.get("Idempotency-Key")
        if self.request.method != "POST" or not key or not isinstance(self.request.auth, Caller):
            return handler(self.request, *self.args, **self.kwargs)
        return self._once(handler, key)

    def _read(self, handler: Handler) -> Response:
        if not isinstance(self.request.auth, Caller):
            return handler(self.request, *self.args, **self.kwargs)
        with self.reading():
            response = handler(self.request, *self.args, **self.kwargs)
            response = self.finalize_response(self.request, response, *self.args, **self.kwargs)
            rendered: Response = response.render()
            return rendered

    def _once(self, handler: Handler, key: str) -> Response:
        request = self.request._request
        hashed = idempotency.fingerprint(request.method or "", request.get_full_path(), request.body)
        claimed = idempotency.begin(self.caller, key, hashed)
        if isinstance(claimed, Response):
            return claimed
        try:
            response = handler(self.request, *self.args, **self.kwargs)
        except Exception as error:  # noqa: BLE001 - as in dispatch
            response = self.handle_exception(error)
        idempotency.finish(self.caller, claimed, response, secret_fields=self.secret_fields)
        return response


class TenantViewSet(ViewSetMixin, TenantView):
    """A view set without a queryset."""


class RowsViewSet(TenantView, GenericViewSet[Any]):
    """A view set over one model's rows of the caller's tenant."""

    model: ClassVar[type[Model]]
    filterset_class: type[RowFilter] | None = None
    pagination_class = CursorPages
    lookup_value_converter = "uuid"

    def get_queryset(self) -> QuerySet[Any]:
        if getattr(self, "swagger_fake_view", False):
            return QuerySet(self.model).none()
        return self.rows()

    def rows(self) -> QuerySet[Any]:
        """Return the rows that the caller may meet, with what their serializer reads of others."""
        return self.model._default_manager.all()

    def own_id(self) -> UUID:
        """Return the id in the address once it is known to be one of `rows()`; raise Http404. Opens a scope."""
        with self.reading():
            get_object_or_404(self.rows().values_list("pk"), pk=self.kwargs["pk"])
        pk: UUID = self.kwargs["pk"]
        return pk

    def show(self, pk: UUID, *, status: int = 200) -> Response:
        """Return the answer that shows a row as a GET would, after a service has written it. Opens a scope."""
        with self.reading():
            return Response(self.shown(pk), status=status)

    def shown(self, pk: UUID) -> Any:
        """Return the row as a GET would show it. The scope is open."""
        return self.get_serializer(self.rows().get(pk=pk)).data


class ReadRows(mixins.ListModelMixin, mixins.RetrieveModelMixin, RowsViewSet):
    """List and detail."""


class WriteRows(ReadRows):
    """List, detail, create, change and remove of rows that have no rule beyond their own fields and constraints.

    Each write is one transaction: the row is locked, related ids are looked up in the scope, all or nothing is kept.
    Subclasses whose writes mean more override `create_row`, `change_row`, `remove_row`.
    """

    http_method_names = ["get", "head", "post", "patch", "delete"]

    def create(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        with self.writing():
            serializer = self.get_serializer(data=request.data)
            serializer.is_valid(raise_exception=True)
            data = self.shown(self.create_row(serializer).pk)
        return Response(data, status=201)

    def partial_update(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        with self.writing():
            serializer = self.get_serializer(self.locked(), data=request.data, partial=True)
            serializer.is_valid(raise_exception=True)
            data = self.shown(self.change_row(serializer).pk)
        return Response(data)

    def destroy(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        with self.writing():
            self.remove_row(self.locked())
        return Response(status=204)

    def locked(self) -> Any:
        """Return the row of the address, locked; raise Http404. Needs the scope."""
        rows = self.rows().select_for_update(of=("self",))
        return get_object_or_404(rows, pk=self.kwargs["pk"])

    def create_row(self, serializer: BaseSerializer[Any]) -> Any:
        """Write a new row. The scope is open."""
        return serializer.save()

    def change_row(self, serializer: BaseSerializer[Any]) -> Any:
        """Write the change. The scope is open and the row locked."""
        return serializer.save()

    def remove_row(self, row: Any) -> None:
        """Delete the row. The scope is open and the row locked."""
        row.delete()
