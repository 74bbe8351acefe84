"""Pytest plugin (`-p support.enclave_env`): a real PostgreSQL and a test home for the enclave without its site."""

from support.django_env import prepare

prepare("gongshu.enclave.settings", "DOMAIN_DATABASE_URL")
