"""Engines: the ways to compute on raw data unseen. The contracts are in `base.py`."""

from .base import Engine, EngineError, Program, Run, State
from .duckdb import DuckDB
from .python import Python

__all__ = ["DuckDB", "Engine", "EngineError", "Program", "Python", "Run", "State"]
