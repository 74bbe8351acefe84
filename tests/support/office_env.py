"""Pytest plugin (`-p support.office_env`): a real PostgreSQL and a test home for the office's settings."""

from support.django_env import prepare

prepare("gongshu.office.settings", "DATABASE_URL")
