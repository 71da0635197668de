"""Addresses of the pages of prices and statements: an enterprise's own, and the operator's way to each."""

from django.urls import path

from billing.web import forms, operator, views

OF_TENANT = "enterprises/<uuid:tenant_id>"
FORMS = {
    "rates/tables/add": ("add-table", forms.AddTableForm),
    "rates/tables/<uuid:row_id>": ("change-table", forms.ChangeTableForm),
    "rates/tables/<uuid:row_id>/add": ("add-rate", forms.AddRateForm),
    "rates/<uuid:row_id>/change": ("change-rate", forms.ChangeRateForm),
    "rates/<uuid:row_id>/replace": ("replace-rate", forms.ReplaceRateForm),
    "rates/<uuid:row_id>/end": ("end-rate", forms.EndRateForm),
    "lines/<uuid:row_id>/correct": ("correct-line", forms.CorrectionForm),
    "re-rate": ("re-rate", forms.ReratingForm),
}

urlpatterns = [
    path("statement/", views.current_statement, name="statement"),
    path("statement/<str:month>/", views.monthly_statement, name="monthly-statement"),
    path("statement/<str:month>/lines.csv", views.lines_file, name="statement-lines"),
    path("rates/", views.own_rates, name="rates"),
    path("enterprises/", operator.enterprises, name="enterprises"),
    path(f"{OF_TENANT}/rates/", operator.rates, name="tenant-rates"),
    path(f"{OF_TENANT}/statement/", operator.statement, name="tenant-current-statement"),
    path(f"{OF_TENANT}/statement/<str:month>/", operator.statement, name="tenant-statement"),
    path(f"{OF_TENANT}/statement/<str:month>/lines.csv", operator.sheet, name="tenant-statement-lines"),
    *(
        path(f"{OF_TENANT}/{address}/", operator.money_form, {"form_class": form}, name=f"tenant-{name}")
        for address, (name, form) in FORMS.items()
    ),
]
