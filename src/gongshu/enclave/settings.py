"""Django settings of the data domain; the airlock's site adds its pages to these."""

from __future__ import annotations

from gongshu.crypto.keystore import FileKeyStore
from gongshu.wire import settings as wire_settings
from gongshu.wire.database import database

SITE = wire_settings.load()
DOMAIN_HOME = SITE.home / "domain"
KEYS = FileKeyStore(DOMAIN_HOME / "keys")
TRUST_DIR = SITE.trust("domain")
VAULT_DIR = DOMAIN_HOME / "vault"
STAGING_DIR = DOMAIN_HOME / "staging"
OUTPUTS_DIR = DOMAIN_HOME / "state" / "outputs"
RELEASES_DIR = DOMAIN_HOME / "state" / "releases"
INTAKE_DIR = DOMAIN_HOME / "state" / "intake"
SERVING_DIR = SITE.home / "serving"

SECRET_KEY = KEYS.create_secret("django", 50).hex()
DEBUG = False
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
INSTALLED_APPS = ["gongshu.enclave.store"]
DATABASES = {"default": database(SITE.domain_database_url)}
LANGUAGE_CODE = "zh-hans"
TIME_ZONE = "Asia/Shanghai"
USE_TZ = True
LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "handlers": {"console": {"class": "logging.StreamHandler"}},
    "root": {"handlers": ["console"], "level": "WARNING"},
}
