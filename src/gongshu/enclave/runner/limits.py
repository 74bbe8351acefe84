"""How much one job may use, and the fixed codes by which it ends."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

MIB: Final = 1 << 20
GIB: Final = 1 << 30

# The only words about a raw run that ever leave the data domain (design section 7), with the sentence
# shown beside each. A sentence is fixed: it cannot carry a value.
CODES: Final[dict[str, str]] = {
    "done": "运行完成。",
    "refused_lens": "查询不在授权之内，没有运行。",
    "refused_grant": "授权无效或不在期限内，没有运行。",
    "refused_stop": "该授权或项目已被叫停，没有运行。",
    "limit": "运行超出了内存或处理器限额，已终止；请缩小范围或先汇总。",
    "too_large": "输出超出大小限额，没有保存；请先汇总或限制行数。",
    "timeout": "运行超时，已终止；请缩小范围。",
    "failed": "运行失败，没有输出；请检查查询里的类型和函数。",
    "no_sandbox": "数据域没有可用的沙箱，拒绝运行；请管理员执行 apt install bubblewrap libseccomp2 后重试。",
    "cancelled": "运行已被取消。",
}


@dataclass(frozen=True)
class Limits:
    """Sizes in bytes, time in seconds of wall clock.

    `memory`: private memory of all of the job; `scratch`: its one writable tmpfs, output included;
    `output`: all files handed out together; `processes`: for environments that may fork.
    """

    seconds: float = 600.0
    memory: int = 2 * GIB
    scratch: int = 1 * GIB
    output: int = 256 * MIB
    processes: int = 64
    threads: int = 2

    def __post_init__(self) -> None:
        if min(self.seconds, self.memory, self.scratch, self.output, self.processes, self.threads) <= 0:
            raise ValueError("限额必须是正数。")


@dataclass(frozen=True)
class Job:
    """What one sandbox gets.

    `program`: source of the Python program run by the environment's interpreter; `spec`: JSON given to
    it on standard input; `inputs`: name → file or directory, seen read-only as `/in/<name>`;
    `sealed`: the program forks and executes nothing once it has started; `bare`: the interpreter starts
    without its site packages, which the program adds itself.
    """

    program: bytes
    spec: dict[str, object]
    inputs: dict[str, Path] = field(default_factory=dict)
    sealed: bool = True
    bare: bool = False


@dataclass(frozen=True)
class Result:
    """How a job ended. `files` lie in the output directory given to `run`, only when `code` is `done`.

    `report` and `detail` (the end of standard error) may hold values of raw data: they stay in the data
    domain and are never put into a message.
    """

    code: str
    files: dict[str, Path] = field(default_factory=dict)
    report: dict[str, object] = field(default_factory=dict)
    detail: str = ""
    seconds: float = 0.0

    @property
    def ok(self) -> bool:
        return self.code == "done"

    @property
    def sentence(self) -> str:
        return CODES[self.code]
