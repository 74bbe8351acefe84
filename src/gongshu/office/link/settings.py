"""Settings of the worker: the office's, with only the line's two doors and no sessions."""

from gongshu.office.settings import *  # noqa: F403 — the office's settings, whole

ROOT_URLCONF = "gongshu.office.link.urls"
MIDDLEWARE = ["django.middleware.security.SecurityMiddleware"]
