"""Running what is not trusted: a fresh sandbox a job. See `sandbox.py`."""

from .limits import CODES, Job, Limits, Result
from .sandbox import NoSandbox, Sandbox

__all__ = ["CODES", "Job", "Limits", "NoSandbox", "Result", "Sandbox"]
