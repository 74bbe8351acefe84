"""No word of free text and no personal number gets into an entry."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest

from gongshu.crypto import canonical
from gongshu.evidence import entry
from gongshu.evidence.entry import EntryError
from support.logs import one


def test_an_entry_is_canonical_and_complete():
    made = one("office", 1, moved=86400, numbers={"calls": 3})
    assert set(made) == set(entry.ENTRY_FIELDS)
    assert set(one("office", 1)) == set(entry.ENTRY_FIELDS) - {"moved", "numbers"}
    assert entry.canonical(made) == canonical.dumps(made)
    assert made["time"] == "2026-03-02T01:02:03.456Z"


def test_time_is_written_in_utc():
    china = datetime(2026, 3, 2, 9, 2, 3, 456999, timezone(timedelta(hours=8)))
    assert one("office", 1, time=china)["time"] == "2026-03-02T01:02:03.456Z"
    with pytest.raises(EntryError):
        entry.stamp(datetime(2026, 3, 2))
    assert entry.stamp(datetime(999, 1, 1, tzinfo=UTC)).endswith("Z")


@pytest.mark.parametrize(
    "changes",
    [
        {"actor": "张三"},
        {"actor": "zhang san"},
        {"actor": "person:420106199001011234"},
        {"actor": "person:42010619900101123X"},
        {"actor": "13812345678"},
        {"subject": "mobile:13812345678"},
        {"subject": "91420100MA4KXXXX1X".replace("X", "1")},
        {"case": "a\nb"},
        {"case": 'a"b'},
        {"case": "6222021234567890123"},
        {"role": "Registrar"},
        {"act": "accept it"},
        {"act": "a" * 60},
        {"zone": "黄石"},
        {"source": "Office"},
        {"source": "office "},
        {"articles": ["第五条"]},
        {"articles": ["law:the whole text of the article, word by word"]},
        {"articles": "a:1"},
        {"digests": {"facts": "deadbeef"}},
        {"digests": {"Facts": "sha256:" + "0" * 64}},
        {"digests": {"facts": "sha256:" + "0" * 63}},
        {"numbers": {"phone": 13812345678}},
        {"numbers": {"n": -1}},
        {"numbers": {"n": 1.5}},
        {"numbers": {"n": True}},
        {"moved": 1.5},
        {"seq": 0},
        {"seq": True},
        {"seq": "1"},
        {"seq": 2**53},
        {"time": "2026-03-02"},
        {"time": "2026-13-02T00:00:00.000Z"},
    ],
)
def test_refuses_what_is_no_id(changes):
    with pytest.raises(EntryError) as refused:
        if "seq" in changes:
            made = one("office", 1)
            entry.check({**made, **changes})
        else:
            one("office", 1, **changes)
    for value in changes.values():
        if isinstance(value, str) and len(value) > 3:
            assert value not in str(refused.value)


@pytest.mark.parametrize("bad", [None, 5, [], {}, b"x"])
@pytest.mark.parametrize("name", [name for name in entry.ENTRY_FIELDS if name not in ("articles", "digests")])
def test_every_field_refuses_other_types(name, bad):
    if (name, bad) in (("seq", 5), ("moved", 5)):
        return
    with pytest.raises(EntryError):
        entry.check({**one("office", 1), name: bad})


def test_refuses_fields_more_or_fewer():
    made = one("office", 1)
    with pytest.raises(EntryError):
        entry.check({**made, "note": "free text"})
    for name in made:
        with pytest.raises(EntryError):
            entry.check({key: value for key, value in made.items() if key != name})


@pytest.mark.parametrize(
    "good",
    [
        {"actor": "0b1c2d3e-4f50-6172-8394-a5b6c7d8e9f0"},
        {"actor": "0123456789abcdef0123456789abcdef"},
        {"subject": ""},
        {"subject": None},
        {"case": "huangshi/2026-000123"},
        {"source": "gateway.2"},
        {"articles": ["national-disclosure:披露时间", "national-price:三(一)", "civil-code:203"]},
    ],
)
def test_accepts_opaque_ids(good):
    entry.check(one("office", 1, **good))
