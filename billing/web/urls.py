"""Addresses of the statement's pages."""

from django.urls import path

from billing.web import views

urlpatterns = [
    path("statement/", views.current_statement, name="statement"),
    path("statement/<str:month>/", views.monthly_statement, name="monthly-statement"),
    path("statement/<str:month>/lines.csv", views.lines_file, name="statement-lines"),
]
