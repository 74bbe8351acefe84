# ruff: noqa: F811 — fixtures of another file
"""入库 when something breaks off: no plain copy stays, no snapshot is made twice, no page stays broken."""

from __future__ import annotations

import errno
from collections.abc import Callable
from pathlib import Path

import pytest
from django.conf import settings
from django.test import Client

from airlock.test_pages import grades, granted, hand_in, trips  # noqa: F401 — two are fixtures
from gongshu.enclave import handin, sources
from gongshu.enclave.store.models import Intake, Snapshot
from support.domainworld import Domain

Enter = Callable[[str], Client]


def plain_files() -> list[Path]:
    return sorted(settings.INTAKE_DIR.glob("upload-*"))


def test_a_full_disk_leaves_no_plain_copy_of_an_upload(
    domain: Domain, enter: Enter, trips: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    client = enter("p-bus")

    def full(*_: object, **__: object) -> None:
        assert plain_files()  # the copy is there while it is read, and only then
        raise OSError(errno.ENOSPC, "No space left on device")

    for place in ("begin", "read"):
        with monkeypatch.context() as patch:
            patch.setattr(handin, place, full)
            with trips.open("rb") as file:
                data = {
                    "zone": "huangshi",
                    "resource": "res-1",
                    "title": "刷卡",
                    "table": "trips",
                    "file": file,
                }
                answer = client.post("/intake/new/", data)
        assert answer.status_code == 507 and "磁盘满了" in answer.content.decode()
        assert plain_files() == []


def test_what_a_crash_left_of_an_upload_is_gone_at_the_next_start(domain: Domain, trips: Path) -> None:
    settings.INTAKE_DIR.mkdir(parents=True, exist_ok=True)
    stray = settings.INTAKE_DIR / "upload-0123"
    stray.write_bytes(trips.read_bytes())
    made = handin.begin(
        zone="huangshi", organisation="org-bus", person="p-bus", resource="res-1", title="刷卡",
        table="trips", filename="x.csv", path=stray, now=domain.now,
    )  # fmt: skip
    assert handin.sweep_uploads() == 1 and plain_files() == []
    made.refresh_from_db()
    assert made.state == "failed" and made.sentence == handin.BROKEN_OFF


class Killed(BaseException):
    """What kill -9 does: nothing after it runs."""


def test_a_confirmation_that_broke_off_is_made_again_and_leaves_one_snapshot(
    domain: Domain, enter: Enter, trips: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    client = enter("p-bus")
    made = hand_in(client, trips)
    assert made is not None

    def killed(*_: object, **__: object) -> None:
        raise Killed

    with monkeypatch.context() as patch:
        patch.setattr(handin, "_journal", killed)  # the last thing before the commit
        with pytest.raises(Killed):
            grades(client, made)
    made.refresh_from_db()
    assert made.state == "read" and len(sources.vault().snapshots()) == 1
    assert client.get(f"/intake/{made.id}/").status_code == 200  # the draft is still there
    assert grades(client, made) == 302
    (kept,) = sources.vault().snapshots()
    made.refresh_from_db()
    assert made.snapshot == kept.id == Snapshot.objects.get().id
    assert handin.drafts().snapshots() == []


def test_the_start_sweeps_what_a_killed_confirmation_left(
    domain: Domain, enter: Enter, trips: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    client = enter("p-bus")
    first, second = hand_in(client, trips), hand_in(client, trips, resource="res-2", table="trips2")
    assert first is not None and second is not None
    monkeypatch.setattr(handin.intake, "refuse", lambda *_, **__: None)  # killed right after the commit
    assert grades(client, first) == 302
    with monkeypatch.context() as patch:
        patch.setattr(handin, "_journal", lambda *_, **__: (_ for _ in ()).throw(Killed()))
        with pytest.raises(Killed):
            grades(client, second)
    assert (len(sources.vault().snapshots()), len(handin.drafts().snapshots())) == (2, 2)
    monkeypatch.undo()
    assert handin.sweep(domain.now) == 2 and handin.sweep(domain.now) == 0
    assert [one.id for one in sources.vault().snapshots()] == [Snapshot.objects.get().id]
    assert [one.id for one in handin.drafts().snapshots()] == [second.proposal["draft"]]


def test_a_hand_in_whose_draft_is_gone_says_so(domain: Domain, enter: Enter, trips: Path) -> None:
    client = enter("p-bus")
    made = hand_in(client, trips)
    assert made is not None
    handin.drafts().discard(made.proposal["draft"])
    page = client.get(f"/intake/{made.id}/")
    assert page.status_code == 200 and "退回后重新交入" in page.content.decode()
    made.refresh_from_db()
    assert made.state == "failed"


def test_nul_in_an_address_or_a_form_is_the_senders_mistake(granted: Domain, enter: Enter) -> None:
    client = enter("p-bus")
    assert client.get("/intake/%00/").status_code == 400
    assert client.get("/runs/a%00b/").status_code == 400
    made = Intake.objects.get()
    Intake.objects.update(state="read")
    assert client.post(f"/intake/{made.id}/back/", {"reason": "a\0b"}).status_code in (302, 400)
    assert client.post("/supply/", {"zone": "a\0", "product": "x", "version": "v"}).status_code in (400, 409)
    stop = {"scope": "grant", "target": "g\0", "zone": "huangshi", "reason": "演练"}
    assert client.post("/stops/", stop).status_code == 400
