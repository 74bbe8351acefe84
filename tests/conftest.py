"""Plugins every test shares."""

pytest_plugins = ["support.rows"]
