"""透镜：受管的 SQL。一条查询在一份授权之下能不能运行、读了什么、给出什么。"""

from __future__ import annotations

from gongshu.lens.check import advise, check
from gongshu.lens.functions import FUNCTIONS
from gongshu.lens.grant import row_filter
from gongshu.lens.verdict import Refusal, Verdict, Violation

functions = FUNCTIONS
"""Every function of the engine: name → class, `refused` included."""

__all__ = ["Refusal", "Verdict", "Violation", "advise", "check", "functions", "row_filter"]
