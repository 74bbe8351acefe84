"""Addresses of the workbench."""

from __future__ import annotations

from django.urls import path

from gongshu.office.workbench import files, pages, views

app_name = "workbench"
urlpatterns = [
    path("", views.home, name="home"),
    path("tasks/", views.tasks, name="tasks"),
    path("tasks/<str:pk>/", views.task, name="task"),
    path("tasks/<str:pk>/release/", views.release, name="release"),
    path("released/", views.released, name="released"),
    path("released/<str:pk>/", views.one_release, name="one-release"),
    path("released/<str:pk>/release.json", files.envelope, name="envelope"),
    path("released/<str:pk>/bundle.zip", files.bundle, name="bundle"),
    path("released/<str:pk>/files/<int:number>", files.file, name="file"),
    path("samples/<str:pk>/bundle.zip", pages.sample_bundle, name="sample-bundle"),
    path("<str:pk>/build/", pages.build, name="build"),
    path("<str:pk>/sample/", pages.ask_sample, name="ask-sample"),
    path("<str:pk>/", views.desk, name="desk"),
    path("<str:pk>/lens/", views.lens, name="lens"),
]
