"""Addresses of consent: the subject's under short words, the accounts' under requests/ and complaints/."""

from __future__ import annotations

from django.urls import path

from gongshu.office.consent.views import staff, subject

app_name = "consent"
urlpatterns = [
    path("", subject.home, name="home"),
    path("enter/", subject.enter, name="enter"),
    path("back/", subject.back, name="back"),
    path("leave/", subject.leave, name="leave"),
    path("keys.txt", subject.keys, name="keys"),
    path("calls/", subject.calls, name="calls"),
    path("code/", subject.code, name="code"),
    path("r/<slug:code>/", subject.asked, name="request"),
    path("r/<slug:code>/why/", subject.asked_why, name="asked-why"),
    path("r/<slug:code>/agree/", subject.agree, name="agree"),
    path("r/<slug:code>/refuse/", subject.refuse, name="refuse"),
    path("r/<slug:code>/key/", subject.own_key, name="own-key"),
    path("given/<str:pk>/", subject.given, name="given"),
    path("given/<str:pk>/withdraw/", subject.withdraw, name="withdraw"),
    path("given/<str:pk>/consent.json", subject.document, name="document"),
    path("given/<str:pk>/receipt.json", subject.receipt, name="receipt"),
    path("why/<str:identifier>/", subject.explained, name="why"),
    path("complain/", subject.complain, name="complain"),
    path("complain/<str:pk>/", subject.complaint, name="complaint"),
    path("requests/", staff.listing, name="requests"),
    path("requests/new/<str:agreement>/", staff.new, name="new"),
    path("requests/<str:pk>/", staff.asked, name="asked"),
    path("requests/<str:pk>/consent.json", staff.envelope, name="envelope"),
    path("requests/<str:pk>/cancel/", staff.cancel, name="cancel"),
    path("complaints/", staff.complaints, name="complaints"),
    path("complaints/<str:pk>/", staff.complaint, name="complaint-staff"),
]
