"""FROM: granted tables, CTEs, sub-queries, joins, and what the join conditions tie together."""

from __future__ import annotations

from dataclasses import dataclass

from sqlglot import exp

from gongshu.lens.conditions import compare
from gongshu.lens.facts import Level
from gongshu.lens.frames import Frame, OutputColumn, Relation, base_relation
from gongshu.lens.names import use
from gongshu.lens.pivots import unfold_source
from gongshu.lens.reading import Context, ask, has_limit, only_arguments, read
from gongshu.lens.state import QueryResult, State
from gongshu.lens.verdict import Refusal

MAX_FREE_TABLES = 2
"""Raw tables that may stand side by side without a condition."""

_SIDES = frozenset({"", "LEFT", "RIGHT", "FULL"})
_KINDS = frozenset({"", "INNER", "OUTER", "CROSS", "SEMI", "ANTI"})
_METHODS = frozenset({"", "NATURAL", "ASOF"})


@dataclass(slots=True)
class Ties:
    """Which relations of a FROM are connected by a condition (a union-find over their names)."""

    parent: dict[str, str]

    def root(self, name: str) -> str:
        while self.parent.setdefault(name, name) != name:
            name = self.parent[name]
        return name

    def tie(self, names: set[str]) -> None:
        roots = [self.root(name) for name in sorted(names)]
        for other in roots[1:]:
            self.parent[self.root(other)] = self.root(roots[0])


def read_from(select: exp.Expression, frame: Frame, state: State) -> Ties:
    """Read FROM and all joins into the frame; conditions are judged on the way."""
    ties = Ties({})
    source = select.args.get("from_")
    if source is not None:
        only_arguments(source, "this")
        _source(source.this, frame, state, ties)
    for join in select.args.get("joins") or []:
        _join(join, frame, state, ties)
    return ties


def free_weight(frame: Frame, ties: Ties, gone: int = 0) -> int:
    """How many raw tables stand side by side: the heaviest of each connected part, summed."""
    heaviest: dict[str, int] = {}
    for relation in frame.relations:
        root = ties.root(relation.name.lower())
        heaviest[root] = max(heaviest.get(root, 0), relation.weight)
    return sum(heaviest.values()) + gone


def tie_condition(condition: exp.Expression, ties: Ties) -> None:
    """Connect the relations that a top-level conjunct compares with each other."""
    parts = condition.flatten() if isinstance(condition, exp.And) else [condition]
    for part in parts:
        inner = part.unnest()
        if isinstance(inner, exp.And):
            tie_condition(inner, ties)
        elif isinstance(inner, exp.Predicate | exp.In | exp.Between) and not isinstance(inner, exp.NEQ):
            names = {column.text("table").lower() for column in inner.find_all(exp.Column)}
            ties.tie({name for name in names if name in ties.parent})


def _source(node: exp.Expression, frame: Frame, state: State, ties: Ties) -> Relation:
    if node.args.get("pivots"):
        node = unfold_source(node, state, frame)
    if isinstance(node, exp.Table):
        relation = _table(node, frame, state)
    elif (
        isinstance(node, exp.Subquery) and isinstance(node.this, exp.Table | exp.Subquery) and not node.alias
    ):
        only_arguments(node, "this", "joins")
        relation = _source(node.this, frame, state, ties)
    elif isinstance(node, exp.Subquery):
        relation = _derived(node, node, frame, state)
    elif isinstance(node, exp.Lateral) and isinstance(node.this, exp.Subquery):
        only_arguments(node, "this", "alias", "view", "outer")
        relation = _derived(node.this, node, frame, state)
    elif isinstance(node, exp.Values):
        relation = _values(node, frame, state)
    elif isinstance(node, exp.Unnest | exp.Lateral | exp.Anonymous):
        raise Refusal("table_function", "FROM 里不能用表函数")
    else:
        raise Refusal("statement", f"FROM 里不允许 {type(node).__name__}")
    if relation not in frame.relations:
        if any(other.name.lower() == relation.name.lower() for other in frame.relations):
            raise Refusal("parse", f"FROM 里“{relation.name}”重名，请起别名")
        ties.root(relation.name.lower())
        frame.relations.append(relation)
        frame.raise_level(relation.level)
    for join in node.args.get("joins") or []:
        _join(join, frame, state, ties)
    return relation


def _table(node: exp.Table, frame: Frame, state: State) -> Relation:
    if not isinstance(node.this, exp.Identifier):
        raise Refusal("table_function", "FROM 里不能用表函数")
    only_arguments(node, "this", "alias", "db", "catalog", "joins", "sample")
    name = node.name
    cte = frame.cte(name) if not node.args.get("db") else None
    alias = node.args.get("alias")
    if alias is not None and alias.args.get("columns") and cte is None:
        raise Refusal("column", f"表 {name} 的字段不能整体改名")
    shown = alias.name if alias is not None and alias.name else name
    if cte is not None:
        columns = {key: OutputColumn(column.name, column.fact) for key, column in cte.columns.items()}
        node.set("this", exp.to_identifier(cte.name, quoted=True))
        relation = Relation(shown, columns, cte.level, cte.weight, node=node, single=cte.single)
        _rename(relation, alias)
    else:
        relation = _granted(node, name, shown, state)
    _sample(node.args.get("sample"), relation.level, state)
    return relation


def _granted(node: exp.Table, name: str, shown: str, state: State) -> Relation:
    table = state.grant.tables.get(name.lower())
    if table is None and any(mark in name for mark in "./\\:*?"):
        state.refuse("table_function", "不能从文件或网址读数据")
    if table is None or node.text("catalog") or node.text("db").lower() not in ("", "main"):
        raise Refusal("table", f"没有表“{name[:60]}”，或它不在授权范围内")
    node.set("this", exp.to_identifier(table.name, quoted=True))
    node.set("db", None)
    state.reads.setdefault(table.name, set())
    relation = base_relation(table, shown if node.alias else table.name, node)
    state.bases.append(relation)
    return relation


def _derived(node: exp.Subquery, holder: exp.Expression, frame: Frame, state: State) -> Relation:
    alias = holder.args.get("alias")
    if state.query is None:
        raise Refusal("parse", "这里不能有子查询")
    sample = node.args.get("sample")
    node.set("sample", None)
    joins = node.args.get("joins")
    node.set("joins", None)
    bare = node.args.get("alias")
    node.set("alias", None)
    result = state.query(state, node, frame, False)
    node.set("sample", sample)
    node.set("joins", joins)
    node.set("alias", bare)
    if alias is None or not alias.name:
        state.frames += 1
        alias = exp.TableAlias(this=exp.to_identifier(f"_q{state.frames}", quoted=True))
        holder.set("alias", alias)
    relation = relation_of(alias.name, result)
    relation.node = holder
    _rename(relation, alias)
    if sample is not None:
        _sample(sample, relation.level, state)
    return relation


def relation_of(name: str, result: QueryResult) -> Relation:
    """The relation a query makes; a column named twice cannot be asked for."""
    columns: dict[str, OutputColumn] = {}
    for column, fact in zip(result.names, result.facts, strict=True):
        if column.lower() in columns:
            raise Refusal("column", f"子查询里字段“{column}”重名，请起别名")
        columns[column.lower()] = OutputColumn(column, fact)
    return Relation(name, columns, result.level, result.weight, single=result.single)


def _rename(relation: Relation, alias: exp.Expression | None) -> None:
    names = alias.args.get("columns") if alias is not None else None
    if not names:
        return
    columns = list(relation.columns.values())
    if len(names) > len(columns) or not all(isinstance(name, exp.Identifier) for name in names):
        raise Refusal("column", f"“{relation.name}”的字段改名与字段数不符")
    for column, name in zip(columns, names, strict=False):
        column.name = name.name
    relation.columns = {column.name.lower(): column for column in columns}
    if len(relation.columns) != len(columns):
        raise Refusal("column", f"“{relation.name}”的字段改名后重名")


def _values(node: exp.Values, frame: Frame, state: State) -> Relation:
    if state.query is None:
        raise Refusal("parse", "这里不能有子查询")
    alias = node.args.get("alias")
    result = state.query(state, node, frame, False)
    if alias is None or not alias.name:
        raise Refusal("parse", "FROM 里的 VALUES 要起名字")
    relation = relation_of(alias.name, result)
    _rename(relation, alias)
    return relation


def _sample(sample: exp.Expression | None, level: Level, state: State) -> None:
    if sample is None:
        return
    only_arguments(sample, "method", "percent", "size", "seed")
    for key in ("percent", "size"):
        value = sample.args.get(key)
        if value is None:
            continue
        if not isinstance(value, exp.Literal) or value.is_string:
            raise Refusal("statement", "抽样的大小只能是常量")
        least = state.grant.threshold if key == "size" else 1
        if level == Level.SUBJECT and float(value.name) < least:
            state.refuse("singling_out", "抽样只留下少数几行")


read_sample = _sample


def _join(join: exp.Join, frame: Frame, state: State, ties: Ties) -> None:
    only_arguments(join, "this", "on", "using", "side", "kind", "method")
    side, kind, method = (join.text(key).upper() for key in ("side", "kind", "method"))
    if side not in _SIDES or kind not in _KINDS or method not in _METHODS:
        if method == "POSITIONAL":
            raise Refusal("singling_out", "按位置连接会指向单独的行")
        raise Refusal("statement", f"不允许 {method or kind or side} 连接")
    left = list(frame.relations)
    right = _source(join.this, frame, state, ties)
    frame.negated = frame.negated or kind == "ANTI" or bool(side)
    context = Context(state, frame, aliases=False)
    if method == "NATURAL":
        _natural(join, left, right)
    if join.args.get("using"):
        _using(join, left, right, frame, state, ties)
    condition = join.args.get("on")
    if condition is not None:
        fact = read(condition, context)
        ask(fact, context)
        tie_condition(join.args["on"], ties)
    if kind == "ANTI" and frame.input_level == Level.SUBJECT and has_limit(join.this):
        state.refuse("singling_out", "ANTI JOIN 留下 LIMIT 之外的少数主体")
    if kind in ("SEMI", "ANTI"):
        weight = free_weight(frame, ties)
        if weight > MAX_FREE_TABLES:
            raise Refusal("too_large", "三张以上的原始表之间没有连接条件")
        frame.relations.remove(right)


def _natural(join: exp.Join, left: list[Relation], right: Relation) -> None:
    """NATURAL would also use columns nobody granted: written out as USING over the granted ones."""
    names = [
        column.name
        for key, column in right.columns.items()
        if any(key in relation.columns for relation in left)
    ]
    if not names:
        raise Refusal("column", "NATURAL 连接的两边没有授权的同名字段")
    join.set("method", None)
    join.set("using", [exp.to_identifier(name, quoted=True) for name in names])


def _using(
    join: exp.Join, left: list[Relation], right: Relation, frame: Frame, state: State, ties: Ties
) -> None:
    context = Context(state, frame, aliases=False)
    names = []
    for item in join.args["using"]:
        key = item.name.lower()
        owners = frame.merged.get(key) or [relation for relation in left if key in relation.columns]
        if not owners or key not in right.columns or (len(owners) > 1 and key not in frame.merged):
            raise Refusal("column", f"没有字段“{item.name}”，或它不在授权范围内")
        fact = compare(owners[0].columns[key].fact, right.columns[key].fact, "eq", context)
        ask(fact, context)
        for relation in (*owners, right):
            use(relation, relation.columns[key].name, state)
        ties.tie({relation.name.lower() for relation in (*owners, right)})
        if join.text("kind").upper() not in ("SEMI", "ANTI"):
            frame.merged[key] = [*owners, right]
        names.append(exp.to_identifier(right.columns[key].name, quoted=True))
    join.set("using", names)
