"""Addresses of filed documents."""

from __future__ import annotations

from django.urls import path

from gongshu.office.authorisation import views

app_name = "authorisation"
urlpatterns = [
    path("", views.listing, name="list"),
    path("new/", views.new, name="new"),
    path("<str:pk>/", views.detail, name="detail"),
]
