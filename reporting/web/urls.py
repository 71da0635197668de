"""Addresses of the live board and of the pages of records."""

from django.urls import path

from reporting.web import records, views

urlpatterns = [
    path("board/", views.board, name="board"),
    path("calls/", records.calls, name="calls"),
    path("calls/calls.csv", records.calls_file, name="calls-file"),
    path("calls/<uuid:contact_id>/", records.call, name="call"),
    path("service/", records.service, name="service"),
    path("service/service.csv", records.service_file, name="service-file"),
    path("system/", records.system, name="system"),
]
