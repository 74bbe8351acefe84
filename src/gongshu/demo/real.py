"""`gongshu demo --data DIR`: the same lawful way with real input; its steps are what the folder holds."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from pathlib import Path

from gongshu.demo import real_files, real_product, real_resources, real_scenes, real_sources
from gongshu.demo.play import Step
from gongshu.demo.stage import Stage


def steps(folder: Path, founding: Sequence[Step]) -> list[Step]:
    """The folder is looked at before anything is founded; a part that is missing has no steps."""
    found = real_files.look(folder)
    return [
        Step(f"data_look_{found.mark}", "看数据目录里有什么", partial(_look, found=found)),
        *founding,
        *_resource(found),
        *_scenes(found),
        *_sources(found),
        *(real_product.steps() if found.air else []),
    ]


def _look(stage: Stage, found: real_files.Found) -> str:
    line = real_files.described(found)
    before = stage.memory.get("data_mark", found.mark)
    stage.memory.put("data_mark", found.mark)
    if before != found.mark:
        line += "内容和上一次不同：已经入库、建档的保持原样，只做还没有做的。"
    return line


def _resource(found: real_files.Found) -> list[Step]:
    made: list[Step] = []
    if found.air:
        join = partial(real_resources.put_together, files=found.air)
        made += [
            Step("data_air_file", "把各站点的文件合成一个", join),
            *_to_vault(real_resources.AIR),
        ]
    if found.divisions is not None:
        read = partial(real_resources.read_divisions, path=found.divisions)
        made += [
            Step("data_divisions_file", "看行政区划代码表", read),
            *_to_vault(real_resources.DIVISIONS),
        ]
    return made


def _to_vault(resource: real_resources.Resource) -> list[Step]:
    catalogue = partial(real_resources.catalogue, resource=resource)
    hand_in = partial(real_resources.hand_in, resource=resource)
    return [
        Step(f"{resource.key}_catalogue", f"目录：{resource.title}", catalogue),
        Step(f"{resource.key}_hand_in", f"在闸口入库：{resource.title}", hand_in),
    ]


def _scenes(found: real_files.Found) -> list[Step]:
    if found.scenes is None:
        return []
    return [
        Step("data_scenes", "已发布的应用场景建档", partial(real_scenes.record, path=found.scenes)),
    ]


def _sources(found: real_files.Found) -> list[Step]:
    if found.sources is None:
        return []
    return [
        Step("data_sources", "来源说明编成目录草稿", partial(real_sources.enter, path=found.sources)),
        Step("data_sources_publish", "目录成批复核、审核、发布", real_sources.publish),
    ]
