"""Addresses of login and administration."""

from __future__ import annotations

from django.urls import path

from gongshu.office.accounts import administration, lineviews, views

app_name = "accounts"
urlpatterns = [
    path("login/", views.log_in, name="login"),
    path("logout/", views.log_out, name="logout"),
    path("activate/", views.activate, name="activate"),
    path("me/", views.me, name="me"),
    path("zone/", views.choose_zone, name="zone"),
    path("roles/", views.role_list, name="roles"),
    path("admin/organisations/", administration.organisations, name="organisations"),
    path("admin/organisations/<str:pk>/stop/", administration.stop_organisation, name="stop-organisation"),
    path("admin/people/", administration.people, name="people"),
    path("admin/people/<str:pk>/", administration.person, name="person"),
    path("admin/grants/", administration.grants, name="grants"),
    path("admin/grants/<int:pk>/revoke/", administration.revoke, name="revoke"),
    path("admin/affiliations/", administration.affiliations, name="affiliations"),
    path("admin/trust/", lineviews.trust_list, name="trust"),
    path("admin/clock/", lineviews.clock_page, name="clock"),
    path("admin/audit/", administration.audit, name="audit"),
]
