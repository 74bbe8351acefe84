"""Settings of the office: everything comes from the home's `config/` and the office's key store."""

from __future__ import annotations

from pathlib import Path

from gongshu.crypto.keystore import FileKeyStore
from gongshu.wire import settings as wire_settings
from gongshu.wire.database import database

SITE = wire_settings.load()
HERE = Path(__file__).parent
OFFICE_HOME = SITE.home / "office"
KEYS = FileKeyStore(OFFICE_HOME / "keys")
TRUST_DIR = SITE.trust("office")
LOG_DIR = OFFICE_HOME / "log"
DEPOSITS_DIR = OFFICE_HOME / "deposits"

SECRET_KEY = KEYS.create_secret("django", 50).hex()
DEBUG = False
ALLOWED_HOSTS = ["*"] if SITE.mark != "production" else list(SITE.hosts)
ROOT_URLCONF = "gongshu.office.urls"
WSGI_APPLICATION = "gongshu.office.wsgi.application"
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

APPS = (
    "link",
    "accounts",
    "cases",
    "catalogue",
    "authorisation",
    "registration",
    "scenarios",
    "workbench",
    "products",
    "consent",
    "settlement",
    "supervision",
    "portal",
)
INSTALLED_APPS = [
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "whitenoise.runserver_nostatic",
    "django.contrib.staticfiles",
    "django_htmx",
    "gongshu.ui",
    *(f"gongshu.office.{app}" for app in APPS if (HERE / app / "apps.py").exists()),
]
MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "gongshu.ui.middleware.ContentPolicyMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "gongshu.office.accounts.middleware.ActorMiddleware",
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
DATABASES = {"default": database(SITE.database_url)}
FILE_UPLOAD_HANDLERS = ["django.core.files.uploadhandler.TemporaryFileUploadHandler"]
DATA_UPLOAD_MAX_MEMORY_SIZE = 16 * 1024 * 1024
DATA_UPLOAD_MAX_NUMBER_FIELDS = 5000

LANGUAGE_CODE = "zh-hans"
TIME_ZONE = "Asia/Shanghai"
USE_TZ = True
USE_I18N = True
STATIC_URL = "/static/"
STATIC_ROOT = None
STATICFILES_DIRS = [SITE.assets] if SITE.assets.is_dir() else []
WHITENOISE_USE_FINDERS = True
WHITENOISE_AUTOREFRESH = False

# A production office stands behind a proxy that ends TLS and is named by `urls` in the configuration.
SECURE = SITE.mark == "production" and SITE.scheme("office") == "https"
SESSION_COOKIE_NAME = "gongshu_office"
SESSION_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = "Lax"
SESSION_COOKIE_SECURE = SECURE
CSRF_COOKIE_NAME = "gongshu_office_csrf"
CSRF_COOKIE_SAMESITE = "Lax"
CSRF_COOKIE_SECURE = SECURE
CSRF_FAILURE_VIEW = "gongshu.ui.errors.csrf_failure"
PASSWORD_HASHERS = [
    "django.contrib.auth.hashers.ScryptPasswordHasher",
    "django.contrib.auth.hashers.PBKDF2PasswordHasher",
]
SECURE_CONTENT_TYPE_NOSNIFF = True
SECURE_REFERRER_POLICY = "same-origin"
X_FRAME_OPTIONS = "DENY"
LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "handlers": {"console": {"class": "logging.StreamHandler"}},
    "root": {"handlers": ["console"], "level": "WARNING"},
}
