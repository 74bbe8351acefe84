"""Settings of the airlock: the data domain's, with pages, sessions of its own and nothing of the office."""

from __future__ import annotations

from gongshu.enclave.settings import *  # noqa: F403 — the data domain's settings, whole
from gongshu.enclave.settings import INSTALLED_APPS as DOMAIN_APPS
from gongshu.enclave.settings import KEYS, SITE

ALLOWED_HOSTS = ["*"] if SITE.demo else list(SITE.hosts)
ROOT_URLCONF = "gongshu.airlock.urls"
WSGI_APPLICATION = "gongshu.airlock.wsgi.application"
INSTALLED_APPS = [
    *DOMAIN_APPS,
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "django_htmx",
    "gongshu.ui",
    "gongshu.airlock",
]
MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "gongshu.ui.middleware.ContentPolicyMiddleware",
    "gongshu.airlock.door.ClientCertificateMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "gongshu.airlock.access.VisitorMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
]
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.messages.context_processors.messages",
                "gongshu.ui.context.site",
            ],
            "builtins": ["gongshu.ui.templatetags.ui"],
        },
    }
]
# A proxy that ends TLS says whose certificate it saw, and shows this secret so that nobody else can say it.
PROXY_SECRET = KEYS.create_secret("airlock-proxy").hex()
FILE_UPLOAD_HANDLERS = ["django.core.files.uploadhandler.TemporaryFileUploadHandler"]
FILE_UPLOAD_TEMP_DIR = None
DATA_UPLOAD_MAX_NUMBER_FIELDS = 20_000
LARGEST_UPLOAD = 4 * 1024**3

USE_I18N = True
STATIC_URL = "/static/"
STATICFILES_DIRS = [SITE.assets] if SITE.assets.is_dir() else []
WHITENOISE_USE_FINDERS = True
WHITENOISE_AUTOREFRESH = False
SESSION_COOKIE_NAME = "gongshu_airlock"
SESSION_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = "Strict"
SESSION_COOKIE_SECURE = not SITE.demo
CSRF_COOKIE_NAME = "gongshu_airlock_csrf"
CSRF_COOKIE_SAMESITE = "Strict"
CSRF_COOKIE_SECURE = not SITE.demo
CSRF_FAILURE_VIEW = "gongshu.ui.errors.csrf_failure"
SECURE_CONTENT_TYPE_NOSNIFF = True
SECURE_REFERRER_POLICY = "same-origin"
X_FRAME_OPTIONS = "DENY"
