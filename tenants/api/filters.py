"""The parameters by which a list is filtered."""

import django_filters


class RowFilter(django_filters.FilterSet):  # type: ignore[misc]  # the library has no types; ours begin here
    """What every list's filter is made from: each attribute is a parameter of the address."""
