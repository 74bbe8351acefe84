"""Intake: files become drafts, drafts become snapshots. See `intake.py`."""

from .intake import broken_lines, confirm, preview, read, refuse
from .problems import REASONS, IntakeError
from .proposal import Decision, Field, FieldDecision, Proposal, accept

__all__ = [
    "REASONS",
    "Decision",
    "Field",
    "FieldDecision",
    "IntakeError",
    "Proposal",
    "accept",
    "broken_lines",
    "confirm",
    "preview",
    "read",
    "refuse",
]
