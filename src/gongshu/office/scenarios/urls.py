"""Addresses of scenarios, requests and projects."""

from __future__ import annotations

from django.urls import path

from gongshu.office.scenarios.views import projects, requests, scenes

app_name = "scenarios"
urlpatterns = [
    path("", scenes.listing, name="list"),
    path("new/", scenes.new, name="new"),
    path("import/", scenes.take_list, name="import"),
    path("published/", scenes.published, name="published"),
    path("published/<str:pk>/", scenes.public_page, name="public"),
    path("requests/", requests.listing, name="requests"),
    path("requests/new/", requests.new, name="new-request"),
    path("requests/<str:pk>/", requests.detail, name="request"),
    path("requests/<str:pk>/edit/", requests.edit, name="edit-request"),
    path("projects/", projects.listing, name="projects"),
    path("projects/new/", projects.new, name="new-project"),
    path("projects/<str:pk>/", projects.detail, name="project"),
    path("projects/<str:pk>/stop/", projects.stop, name="stop"),
    path("projects/<str:pk>/reissue/", projects.reissue, name="reissue"),
    path("<str:pk>/", scenes.detail, name="scenario"),
    path("<str:pk>/edit/", scenes.edit, name="edit"),
]
