"""Pytest plugin (`-p support.domain_env`): a real PostgreSQL and a test home for the data domain."""

from support.django_env import prepare

prepare("gongshu.airlock.settings", "DOMAIN_DATABASE_URL")
