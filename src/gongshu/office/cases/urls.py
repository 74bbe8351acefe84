"""Addresses of cases."""

from __future__ import annotations

from django.urls import path

from gongshu.office.cases import delegations, views

app_name = "cases"
urlpatterns = [
    path("inbox/", views.inbox, name="inbox"),
    path("cases/", views.case_list, name="list"),
    path("cases/<str:pk>/", views.case, name="case"),
    path("cases/<str:pk>/acts/<str:act_id>/", views.act, name="act"),
    path("why/<str:identifier>", views.why_page, name="why"),
    path("proof/<str:identifier>.json", views.proof, name="proof"),
    path("notices/", views.notice_list, name="notices"),
    path("notices/read/", views.notices_read, name="notices-read"),
    path("delegations/", delegations.delegations, name="delegations"),
    path("delegations/<int:pk>/end/", delegations.end, name="delegation-end"),
    path("materials/<str:pk>/", views.material, name="material"),
]
