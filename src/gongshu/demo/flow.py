"""Steps of a product's way, for one product or for all of them at once: lawful ones and refusals."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from gongshu.demo import work
from gongshu.demo.product import Content
from gongshu.demo.stage import Stage
from gongshu.demo.web import Unexpected

# The content may need what earlier steps made (the id of the resource): it is asked for when a step runs.
Of = Callable[[Stage], Content]


def bound(of: Of, run: Callable[[Stage, Content], str]) -> Callable[[Stage], str]:
    return lambda stage: run(stage, of(stage))


def raw_refused(sql: str) -> Callable[[Stage, Content], str]:
    """A query for raw rows: the lens says no before anything is sent, and the data domain says no again."""

    def run(stage: Stage, content: Content) -> str:
        said = work.advice(stage, content, sql)
        if not said:
            raise Unexpected("索要原始行的查询没有被透镜拒绝。")
        return f"索要原始行被拒：{said[:120]}"

    return run


def small_cell_refused(stage: Stage, content: Content) -> str:
    """A small cell: blocked by the attack; its replay is shown at the airlock and nowhere else."""
    page = work.verdict(stage, content, "small")
    output = work.output_of(page)
    shown = stage.at_airlock("authority").open(f"/reviews/{output}/")
    scenes = shown.tree.css(".replay")
    if not scenes:
        raise Unexpected("闸口上没有攻击回放。")
    told = " ".join(scenes[0].text(separator=" ").split())[:90]
    return f"{work.verdict_of(page)[:80]}｜闸口的攻击回放：{told}"


def released(name: str, title: str) -> Callable[[Stage, Content], str]:
    """What was asked out before passes the attack and two blind votes, and leaves."""

    def run(stage: Stage, content: Content) -> str:
        identifier = work.left(stage, content, name, title)
        return f"{identifier}：攻击检验、两人盲审一致同意，审核过的字节原样出域。"

    return run


def each(contents: Sequence[Of], run: Callable[[Stage, Content], str]) -> Callable[[Stage], str]:
    """The same for every product; what was said of each."""

    def all_(stage: Stage) -> str:
        made = [of(stage) for of in contents]
        said = [(content.product["name"], run(stage, content)) for content in made]
        return "　".join(f"【{name}】{words}" for name, words in said)

    return all_
