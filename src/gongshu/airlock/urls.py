"""Addresses of the airlock."""

from __future__ import annotations

from django.urls import path

from gongshu.airlock import views
from gongshu.airlock.pages import deletions, grants, intake, reviews, runs, samples, stops, supply, why

urlpatterns = [
    path("", views.home, name="home"),
    path("healthz", views.health, name="health"),
    path("login/", views.log_in, name="login"),
    path("logout/", views.log_out, name="logout"),
    path("password/", views.password, name="password"),
    path("intake/", intake.index, name="intake"),
    path("intake/new/", intake.new, name="intake-new"),
    path("intake/<str:pk>/", intake.one, name="intake-one"),
    path("intake/<str:pk>/back/", intake.back, name="intake-back"),
    path("intake/<str:pk>/broken/", intake.broken, name="intake-broken"),
    path("grants/", grants.index, name="grants"),
    path("grants/<str:pk>/", grants.grant, name="grant"),
    path("ceilings/<str:pk>/", grants.ceiling, name="ceiling"),
    path("lifts/<str:pk>/", grants.lift, name="lift"),
    path("samples/", samples.index, name="samples"),
    path("samples/<str:pk>/", samples.one, name="sample"),
    path("reviews/", reviews.index, name="reviews"),
    path("reviews/<str:pk>/", reviews.one, name="review"),
    path("reviews/<str:pk>/file/", reviews.file, name="review-file"),
    path("runs/", runs.index, name="runs"),
    path("runs/<str:pk>/", runs.one, name="run"),
    path("supply/", supply.index, name="supply"),
    path("deletions/", deletions.index, name="deletions"),
    path("stops/", stops.index, name="stops"),
    path("why/<str:identifier>", why.page, name="why"),
]
handler400 = "gongshu.ui.errors.bad_request"
handler403 = "gongshu.ui.errors.permission_denied"
handler404 = "gongshu.ui.errors.not_found"
handler500 = "gongshu.ui.errors.server_error"
