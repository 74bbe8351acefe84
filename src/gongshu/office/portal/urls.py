"""Addresses of the public portal."""

from __future__ import annotations

from django.urls import path

from gongshu.office.portal import views

app_name = "portal"
urlpatterns = [
    path("", views.home, name="home"),
    path("catalogue/", views.catalogue, name="catalogue"),
    path("catalogue/<str:pk>/", views.resource, name="resource"),
    path("products/", views.products, name="products"),
    path("products/<str:pk>/", views.product, name="product"),
    path("runs/", views.runs, name="runs"),
    path("disclosure/", views.disclosed, name="disclosure"),
    path("disclosure/new/", views.disclose, name="disclose"),
    path("laws/", views.law_texts, name="laws"),
    path("openapi.json", views.interfaces, name="openapi"),
    path("log/", views.log, name="log"),
    path("log/archive.zip", views.log_archive, name="log-archive"),
    path("log/<path:name>", views.log_file, name="log-file"),
]
