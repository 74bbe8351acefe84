"""What a value is: kinds, types, grades, defects, and headers that are data. Pure; stands alone."""

from .column import ColumnProfile, Defects, Recognised, column, table
from .headers import Finding, headers_look_like_data
from .samples import is_sample

__all__ = [
    "ColumnProfile",
    "Defects",
    "Finding",
    "Recognised",
    "column",
    "headers_look_like_data",
    "is_sample",
    "table",
]
