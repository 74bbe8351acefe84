"""The release spec: what the output claims to be, read strictly (design section 11)."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Any

KINDS = ("table", "lookup", "model", "report", "index", "dataset")
MODEL_FORMATS = ("lightgbm-text", "onnx", "json")
ROLES = ("dimension", "count", "magnitude")
GRADES = ("L1", "L2", "L3", "L4")


class BadSpec(Exception):
    """The spec cannot be used; `str(error)` is one Chinese sentence."""


@dataclass(frozen=True)
class Floor:
    """The weakest thresholds allowed, from the packs of the data domain.

    `threshold`: least distinct subjects behind a cell; `nk`: the largest n may not hold more than the
    share k; `p`: the second largest may not come closer to the largest than the share p; `freedom`: least
    residual degrees of freedom of a model; `rounding`: the smallest base cells may be rounded to;
    `membership`: AUC of telling a model's training rows by their loss, from which people judge and from
    which it is blocked; `gain`: share of its neighbours' error a model may not undercut on its own rows.
    """

    threshold: int = 10
    nk: tuple[int, Decimal] = (2, Decimal("0.90"))
    p: Decimal = Decimal("0.10")
    freedom: int = 10
    rounding: int = 5
    membership: tuple[Decimal, Decimal] = (Decimal("0.60"), Decimal("0.70"))
    gain: Decimal = Decimal("0.90")


@dataclass(frozen=True)
class Earlier:
    """An earlier release of the same data."""

    output: Path
    sql: str | None
    columns: Mapping[str, str]
    released: str


@dataclass(frozen=True)
class Spec:
    """A release spec with thresholds no weaker than the floor's. `zone` chooses the articles cited."""

    kind: str
    subject: Mapping[str, str]
    threshold: int
    nk: tuple[tuple[int, Decimal], ...]
    p: Decimal
    columns: Mapping[str, str] = field(default_factory=dict)
    sql: str | None = None
    grades: Mapping[str, str] = field(default_factory=dict)
    previous: tuple[Earlier, ...] = ()
    model: Mapping[str, Any] = field(default_factory=dict)
    freedom: int = Floor.freedom
    rounding: int = Floor.rounding
    membership: tuple[Decimal, Decimal] = Floor.membership
    gain: Decimal = Floor.gain
    zone: str = ""
    program: bool = False
    """A program wrote it, or something it was made of: no query says where its figures come from."""
    real: bool = False
    """Its rows are rows of the raw data, put together by queries that `sql` does not name."""

    @property
    def nobody(self) -> bool:
        """Nobody stands behind the data: threshold, dominance and uniqueness are not asked."""
        return not self.subject


def load(path: Path) -> Any:
    """The JSON of a spec file; BadSpec when it is none."""
    try:
        return json.loads(path.read_bytes().decode("utf-8-sig"))
    except OSError as error:
        raise BadSpec(f"没有出域说明文件“{path.name}”，请核对路径。") from error
    except ValueError as error:
        raise BadSpec(f"出域说明“{path.name}”不是 JSON，请按第 11 节的格式重写。") from error


def _decimal(value: Any, name: str) -> Decimal:
    try:
        if isinstance(value, bool):
            raise InvalidOperation
        number = Decimal(str(value))
    except InvalidOperation as error:
        raise BadSpec(f"出域说明的 {name} 不是数。") from error
    if not number.is_finite() or not 0 <= number <= 1:
        raise BadSpec(f"出域说明的 {name} 应在 0 和 1 之间。")
    return number


def _subject(value: Any, raw: Mapping[str, Sequence[str]]) -> dict[str, str]:
    """`{table: column}`; a bare column name is short for the only raw table that has it."""
    lower = {table: {c.casefold(): c for c in columns} for table, columns in raw.items()}
    if isinstance(value, str):
        owners = [table for table, columns in lower.items() if value.casefold() in columns]
        if len(owners) != 1:
            raise BadSpec("出域说明的 subject 简写须恰好对应一张原始表的一个字段，请写成 {表: 字段}。")
        return {owners[0]: lower[owners[0]][value.casefold()]}
    if not isinstance(value, dict):
        raise BadSpec("出域说明的 subject 应是 {表: 字段}，没有主体时写 {}。")
    found: dict[str, str] = {}
    names = {table.casefold(): table for table in raw}
    for table, column in value.items():
        own = names.get(str(table).casefold())
        if own is None:
            raise BadSpec("出域说明的 subject 提到的表没有用 --raw 给出。")
        if not isinstance(column, str) or column.casefold() not in lower[own]:
            raise BadSpec("出域说明的 subject 提到的字段在原始表里不存在。")
        found[own] = lower[own][column.casefold()]
    return found


def _columns(value: Any) -> dict[str, str]:
    if not isinstance(value, dict):
        raise BadSpec("出域说明的 columns 应是 {列: 角色}。")
    for role in value.values():
        if not isinstance(role, str) or role.split(":", 1)[0] not in ROLES:
            raise BadSpec("出域说明的 columns 只有 dimension、count、magnitude:字段 三种角色。")
    return {str(name): role for name, role in value.items()}


def _grades(value: Any) -> dict[str, str]:
    """`table.column` → its grade; column → the strictest of all tables, for tables that have none here."""
    if not isinstance(value, dict):
        raise BadSpec("出域说明的 grades 应是 {字段: 等级}。")
    flat: dict[str, str] = {}
    for name, grade in value.items():
        pairs = grade.items() if isinstance(grade, dict) else [(name, grade)]
        for column, one in pairs:
            if one not in GRADES:
                raise BadSpec("出域说明的 grades 只有 L1、L2、L3、L4 四级。")
            full = f"{name}.{column}" if isinstance(grade, dict) else str(column)
            for key in {full.casefold(), full.rsplit(".", 1)[-1].casefold()}:
                flat[key] = max(flat.get(key, "L1"), one)
    return flat


def _earlier(value: Any, folder: Path) -> Earlier:
    if not isinstance(value, dict) or not isinstance(value.get("output"), str):
        raise BadSpec("出域说明的 previous 的每一项都要有 output。")
    path = folder / value["output"]
    if not path.is_file():
        raise BadSpec("出域说明的 previous 提到的文件不存在，请核对路径（相对于出域说明）。")
    sql = value.get("sql")
    if sql is not None and not isinstance(sql, str):
        raise BadSpec("出域说明的 previous 的 sql 应是文字。")
    return Earlier(path, sql or None, _columns(value.get("columns") or {}), str(value.get("released", "")))


def _threshold(value: Any, floor: Floor) -> int:
    if value is None:
        return floor.threshold
    if isinstance(value, bool) or not isinstance(value, int) or value < 1:
        raise BadSpec("出域说明的 threshold 应是正整数。")
    return max(value, floor.threshold)


def _nk(value: Any, floor: Floor) -> tuple[tuple[int, Decimal], ...]:
    if value is None:
        return (floor.nk,)
    if not isinstance(value, list) or len(value) != 2 or isinstance(value[0], bool):
        raise BadSpec('出域说明的 nk 应是 [个数, "份额"]。')
    if not isinstance(value[0], int) or value[0] < 1:
        raise BadSpec("出域说明的 nk 的个数应是正整数。")
    own = (value[0], _decimal(value[1], "nk"))
    if own[0] == floor.nk[0]:
        return ((own[0], min(own[1], floor.nk[1])),)
    return (floor.nk, own)


def parse(value: Any, raw: Mapping[str, Sequence[str]], folder: Path, floor: Floor) -> Spec:
    """The spec, checked against the raw tables' columns. Raises BadSpec."""
    if not isinstance(value, dict) or value.get("v") != 1 or isinstance(value.get("v"), bool):
        raise BadSpec("出域说明应是 v 为 1 的 JSON 对象。")
    if value.get("kind") not in KINDS:
        raise BadSpec("出域说明的 kind 应是 " + "、".join(KINDS) + " 之一。")
    if "subject" not in value:
        raise BadSpec("出域说明没有写 subject；没有主体时写 {}。")
    sql = value.get("sql")
    if sql is not None and not isinstance(sql, str):
        raise BadSpec("出域说明的 sql 应是文字。")
    model = value.get("model") or {}
    if not isinstance(model, dict):
        raise BadSpec("出域说明的 model 应是对象。")
    if model and model.get("format") not in MODEL_FORMATS:
        raise BadSpec("出域说明的 model.format 应是 " + "、".join(MODEL_FORMATS) + " 之一。")
    zone = value.get("zone") or ""
    if not isinstance(zone, str):
        raise BadSpec("出域说明的 zone 应是文字。")
    previous = value.get("previous") or []
    if not isinstance(previous, list):
        raise BadSpec("出域说明的 previous 应是列表。")
    return Spec(
        kind=value["kind"],
        subject=_subject(value["subject"], raw),
        threshold=_threshold(value.get("threshold"), floor),
        nk=_nk(value.get("nk"), floor),
        p=max(floor.p, _decimal(value["p"], "p")) if value.get("p") is not None else floor.p,
        columns=_columns(value.get("columns") or {}),
        sql=sql.strip() if sql and sql.strip() else None,
        grades=_grades(value.get("grades") or {}),
        previous=tuple(_earlier(one, folder) for one in previous),
        model=model,
        freedom=floor.freedom,
        rounding=floor.rounding,
        membership=floor.membership,
        gain=floor.gain,
        zone=zone,
        program=bool(value.get("program")),
        real=bool(value.get("real")),
    )
