"""Addresses of the catalogue."""

from __future__ import annotations

from django.urls import path

from gongshu.office.catalogue import many, views

app_name = "catalogue"
urlpatterns = [
    path("", views.index, name="list"),
    path("new/", views.new, name="new"),
    path("template.xlsx", views.template, name="template"),
    path("import/", views.import_sheet, name="import"),
    path("import/left.xlsx", views.left_over, name="left"),
    path("many/<str:act>/", many.many, name="many"),
    path("api/items", views.api_items, name="api-items"),
    path("<str:pk>/", views.detail, name="detail"),
    path("<str:pk>/edit/", views.edit, name="edit"),
    path("<str:pk>/delete-data/", views.delete_data, name="delete-data"),
]
