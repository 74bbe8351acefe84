"""What `gongshu` says of itself: every command's help in Chinese, a group of commands by its first word."""

from __future__ import annotations

import re

import pytest

from gongshu.cli.main import main
from gongshu.cli.table import COMMANDS, Command


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_explains_itself_in_chinese(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as left:
        main([*name.split(), "--help"])
    assert left.value.code == 0
    said = capsys.readouterr().out
    assert said.startswith(f"用法：gongshu {name}")
    assert not re.search(r"usage|options|arguments|show this", said)


def test_the_first_word_of_several_commands_lists_them(capsys: pytest.CaptureFixture[str]) -> None:
    for words in (["law"], ["law", "--help"]):
        assert main(words) == 0
        said = capsys.readouterr().out
        assert all((f"gongshu {name} " in said) == name.startswith("law ") for name in COMMANDS)


def test_an_unknown_word_is_bad_use(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["nothing"]) == main(["law", "nothing"]) == 2
    assert "没有“law nothing”这个命令" in capsys.readouterr().err


def test_a_machine_without_the_part_says_so(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(COMMANDS, "nothing", Command("an_absent_library:run", "没有装"))
    assert main(["nothing"]) == 2
    assert "缺 an_absent_library" in capsys.readouterr().err
