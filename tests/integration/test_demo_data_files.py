"""The folder of `gongshu demo --data`: what is found, joined, left out and named."""

from __future__ import annotations

import gzip
from pathlib import Path

import pytest

from gongshu.demo import real, real_content, real_files, real_resources
from gongshu.demo.memory import Memory
from gongshu.demo.stage import Stage
from gongshu.demo.web import Unexpected

HEAD = '"No","year","PM2.5","station"\n'


def station(folder: Path, name: str, rows: int, head: str = HEAD, end: str = "\n") -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    lines = [f'{number},2013,NA,"{name}"' for number in range(rows)]
    path = folder / f"{name}.csv.gz"
    path.write_bytes(gzip.compress((head + end.join(lines) + end).replace("\n", end).encode()))
    return path


def test_files_of_the_same_columns_become_one(tmp_path: Path) -> None:
    files = [station(tmp_path, name, 5) for name in ("甲站", "乙站", "丙站")]
    made = real_files.join(files, tmp_path / "out" / "all.csv.gz")
    lines = gzip.decompress(made.path.read_bytes()).decode().splitlines()
    assert (made.files, made.rows, len(lines)) == (3, 15, 16)
    assert lines[0] == HEAD.strip() and lines.count(lines[0]) == 1
    assert {line.split(",")[-1] for line in lines[1:]} == {'"甲站"', '"乙站"', '"丙站"'}


def test_joining_twice_gives_the_same_bytes(tmp_path: Path) -> None:
    files = [station(tmp_path, name, 5) for name in ("a", "b")]
    first, second = (real_files.join(files, tmp_path / f"{n}" / "all.csv.gz").path for n in (1, 2))
    assert first.read_bytes() == second.read_bytes()


def test_a_last_line_without_an_end_is_not_glued_to_the_next_file(tmp_path: Path) -> None:
    one, two = tmp_path / "1.csv", tmp_path / "2.csv"
    one.write_bytes(b"a,b\r\n1,2\r\n3,4")
    two.write_bytes(b"a,b\n5,6\n")
    made = real_files.join([one, two], tmp_path / "all.csv.gz")
    assert gzip.decompress(made.path.read_bytes()).decode().splitlines()[1:] == ["1,2", "3,4", "5,6"]


def test_broken_and_differing_files_are_left_out_whole_and_named(tmp_path: Path) -> None:
    good, other = station(tmp_path, "good", 4), station(tmp_path, "other", 4, '"a","b"\n')
    torn = station(tmp_path, "torn", 400)
    torn.write_bytes(torn.read_bytes()[:-20])
    empty = tmp_path / "empty.csv"
    empty.write_bytes(b"")
    nothing = tmp_path / "not-gzip.csv.gz"
    nothing.write_bytes(b"\x00\x01 no gzip")
    made = real_files.join([torn, good, other, empty, nothing], tmp_path / "out.csv.gz")
    assert (made.files, made.rows) == (1, 4)
    assert set(made.left) == {"torn.csv.gz", "other.csv.gz", "empty.csv", "not-gzip.csv.gz"}
    assert "字段" in made.left["other.csv.gz"] and "压缩" in made.left["torn.csv.gz"]


def test_gb18030_becomes_utf8(tmp_path: Path) -> None:
    path = tmp_path / "旧系统.csv"
    path.write_bytes("站点,数值\n奥体中心,1\n".encode("gb18030"))
    made = real_files.join([path], tmp_path / "out.csv.gz")
    assert made.heads == ["站点", "数值"]
    assert "奥体中心" in gzip.decompress(made.path.read_bytes()).decode("utf-8")


def test_nothing_usable_stops_with_the_reasons_and_leaves_no_file(tmp_path: Path) -> None:
    path = tmp_path / "x.csv.gz"
    path.write_bytes(b"nothing")
    with pytest.raises(Unexpected, match=r"x\.csv\.gz"):
        real_files.join([path], tmp_path / "out.csv.gz")
    assert sorted(one.name for one in tmp_path.iterdir()) == ["x.csv.gz"]


def test_an_empty_folder_is_refused_before_anything_is_founded(tmp_path: Path) -> None:
    steps = real.steps(tmp_path, [])
    assert [step.id.split("_")[:2] for step in steps] == [["data", "look"]]
    with pytest.raises(Unexpected, match="没有演示认得的数据"):
        real_files.described(real_files.look(tmp_path))


def test_a_missing_part_has_no_steps_and_is_named(tmp_path: Path) -> None:
    station(tmp_path / "air-quality", "a", 3)
    ids = [step.id for step in real.steps(tmp_path, [])]
    assert "data_air_hand_in" in ids and "data_call" in ids
    assert not {"data_scenes", "data_sources", "data_divisions_hand_in"} & set(ids)
    assert "没有：行政区划代码" in real_files.described(real_files.look(tmp_path))


def test_no_step_of_the_story_has_the_id_of_another(tmp_path: Path) -> None:
    station(tmp_path / "air-quality", "a", 3)
    for name in (real_files.DIVISIONS, real_files.SCENES, real_files.SOURCES):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text("x")
    ids = [step.id for step in real.steps(tmp_path, [])]
    assert len(ids) == len(set(ids)) > 20


def test_a_changed_folder_is_looked_at_again(tmp_path: Path) -> None:
    station(tmp_path / "air-quality", "a", 3)
    before = real.steps(tmp_path, [])[0].id
    station(tmp_path / "air-quality", "b", 3)
    assert real.steps(tmp_path, [])[0].id != before


def test_stations_without_the_columns_of_the_index_stop_with_their_names(tmp_path: Path) -> None:
    files = [station(tmp_path / "in", "a", 3, '"No","year","PM10","station"\n')]
    stage = Stage(tmp_path / "h", {}, Memory(tmp_path / "h" / "demo.json"))
    with pytest.raises(Unexpected, match=r"month、day、hour、PM2\.5、O3"):
        real_resources.put_together(stage, files)


def test_what_the_request_asks_for_is_what_the_files_must_have() -> None:
    assert set(real_content.COLUMNS) == set(real_resources.NEEDED)
