"""Running what is not trusted: a fresh sandbox a job. See `sandbox.py`."""

from .limits import CODES, GIB, MIB, Job, Limits, Result
from .sandbox import NoSandbox, Sandbox

__all__ = ["CODES", "GIB", "MIB", "Job", "Limits", "NoSandbox", "Result", "Sandbox"]
