"""Addresses of supervision and audit."""

from __future__ import annotations

from django.urls import path

from gongshu.office.supervision.views import acts, audit, cockpit

app_name = "supervision"
urlpatterns = [
    path("", cockpit.cockpit, name="cockpit"),
    path("rows/<str:measure>/", cockpit.rows, name="rows"),
    path("totals/", cockpit.agreeing, name="totals"),
    path("stop/", cockpit.stop, name="stop"),
    path("draws/", audit.draws, name="draws"),
    path("draws/<str:pk>/", audit.draw, name="draw"),
    path("draws/<str:pk>/archive.zip", audit.fetch, name="archive"),
    path("corrections/", acts.corrections, name="corrections"),
    path("corrections/new/", acts.new_correction, name="correction-new"),
    path("mine/", acts.mine, name="mine"),
    path("mine/<str:pk>/stop/", acts.stop_own, name="stop-own"),
]
