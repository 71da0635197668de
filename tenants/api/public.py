"""The door of `tenants` for API views: what every app's endpoints are built from."""

from tenants.api.fields import FixedFields, PhoneField, RelatedCode, RelatedId
from tenants.api.filters import RowFilter
from tenants.api.pagination import CursorPages, NewestFirst
from tenants.api.problems import answer, document
from tenants.api.schema import ProblemSerializer
from tenants.api.target import OfTenant
from tenants.api.views import ReadRows, RowsViewSet, TenantView, TenantViewSet, WriteRows

__all__ = [
    "CursorPages",
    "FixedFields",
    "NewestFirst",
    "OfTenant",
    "PhoneField",
    "ProblemSerializer",
    "ReadRows",
    "RelatedCode",
    "RelatedId",
    "RowFilter",
    "RowsViewSet",
    "TenantView",
    "TenantViewSet",
    "WriteRows",
    "answer",
    "document",
]
