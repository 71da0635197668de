"""Cursor pages: stable while rows come and go, and as fast on the last page as on the first."""

from typing import Any
from uuid import UUID

from django.db.models import QuerySet
from django.utils.translation import gettext as _
from rest_framework.exceptions import NotFound
from rest_framework.pagination import Cursor, CursorPagination
from rest_framework.request import Request
from rest_framework.views import APIView

from tenants.errors import Invalid

LARGEST_PAGE = 200


class CursorPages(CursorPagination):
    """Pages in the order of ids, which is the order of creation. `page_size` is 50, at most 200."""

    page_size = 50
    page_size_query_param = "page_size"
    max_page_size = LARGEST_PAGE
    ordering = "id"

    def get_page_size(self, request: Request) -> int:
        """Return the wanted size; raise Invalid for anything but 1 to 200, rather than guess."""
        raw = request.query_params.get(self.page_size_query_param, str(self.page_size))
        if not raw.isascii() or not raw.isdecimal() or not 1 <= int(raw[:6]) <= LARGEST_PAGE:
            raise Invalid(
                _("page_size must be a whole number from 1 to %(limit)d, not “%(value)s”.")
                % {"limit": LARGEST_PAGE, "value": raw[:20]},
                code="invalid-page-size",
            )
        return int(raw)

    def get_ordering(self, request: Request, queryset: QuerySet[Any], view: APIView) -> tuple[str, ...]:
        return (getattr(view, "page_ordering", self.ordering),)

    def decode_cursor(self, request: Request) -> Cursor | None:
        """Return the cursor of the request; raise Invalid for one that was not made here."""
        try:
            cursor = super().decode_cursor(request)
            if cursor is not None and cursor.position is not None:
                UUID(str(cursor.position))
        except (NotFound, ValueError) as error:
            raise Invalid(
                _("The cursor was not made by this API. Begin without one."), code="invalid-cursor"
            ) from error
        return cursor


class NewestFirst(CursorPages):
    """The same with the newest row first."""

    ordering = "-id"
