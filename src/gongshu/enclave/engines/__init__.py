"""Engines: the ways to compute on raw data unseen. The contracts are in `base.py`."""

from .base import Engine, EngineError, Run, State
from .duckdb import DuckDB

__all__ = ["DuckDB", "Engine", "EngineError", "Run", "State"]
