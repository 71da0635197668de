"""Addresses of the live board."""

from django.urls import path

from reporting.web import views

urlpatterns = [path("board/", views.board, name="board")]
