"""Every address of the office: one module an app, only of the apps installed."""

from __future__ import annotations

from importlib.util import find_spec

from django.apps import apps
from django.urls import URLPattern, URLResolver, include, path
from django.views.generic import RedirectView

from gongshu.office.link.views import health
from gongshu.office.settings import APPS

# 应用 → 它的地址前缀
PREFIXES: dict[str, str] = {
    "accounts": "",
    "cases": "",
    "catalogue": "catalogue/",
    "authorisation": "authorisation/",
    "registration": "registration/",
    "scenarios": "scenarios/",
    "workbench": "workbench/",
    "products": "products/",
    "consent": "consent/",
    "settlement": "settlement/",
    "supervision": "supervision/",
    "portal": "portal/",
}


def routes() -> list[URLPattern | URLResolver]:
    return [
        path(PREFIXES[app], include(f"gongshu.office.{app}.urls"))
        for app in APPS
        if app in PREFIXES
        and apps.is_installed(f"gongshu.office.{app}")
        and find_spec(f"gongshu.office.{app}.urls")
    ]


urlpatterns = [
    path("healthz", health, name="health"),
    *routes(),
    path(
        "",
        RedirectView.as_view(url="/portal/" if apps.is_installed("gongshu.office.portal") else "/inbox/"),
        name="home",
    ),
]

handler400 = "gongshu.ui.errors.bad_request"
handler403 = "gongshu.ui.errors.permission_denied"
handler404 = "gongshu.ui.errors.not_found"
handler500 = "gongshu.ui.errors.server_error"
