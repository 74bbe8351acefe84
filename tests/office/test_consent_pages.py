"""The subject's way through the pages, with a real identity system at the other end of the line."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.contrib.sessions.models import Session
from django.db import connection
from django.test import Client

from gongshu.office.accounts.permissions import Refused
from gongshu.office.cases.models import Notice
from gongshu.office.consent import codes, complaints, ownkey, services, session
from gongshu.office.consent.models import CodeTry, Complaint, Consent, Subject
from gongshu.office.link import clock, sequencer, trust
from gongshu.office.link.models import FeedItem, OutboxEntry
from gongshu.wire import envelope as wire
from gongshu.wire import subjects
from gongshu.wire.admit import admit
from gongshu_verify.main import main as verify
from standins.identity import Standin
from support import people
from support.consents import ASKED, OTHER, PERSON, Desk, firm, prove

pytestmark = pytest.mark.django_db


@pytest.fixture
def desk(monkeypatch: Any, tmp_path_factory: Any) -> Iterator[Desk]:
    made = Desk(monkeypatch, tmp_path_factory.mktemp("trust"))
    monkeypatch.setattr(clock, "business_now", lambda: made.now)
    yield made
    trust.store.cache_clear()


@pytest.fixture(params=["ed25519", "sm2"])
def standin(request: Any) -> Iterator[Standin]:
    with Standin(alg=request.param) as made:
        place = made.write(settings.OFFICE_HOME / "state")
        yield made
        place.unlink()


@pytest.fixture
def one(request: Any) -> Iterator[Standin]:
    with Standin() as made:
        place = made.write(settings.OFFICE_HOME / "state")
        yield made
        place.unlink()


def text(answer: Any) -> str:
    return str(answer.content.decode())


# ---------------------------------------------------------------- the whole way


@pytest.mark.row("B16", "L13")
def test_from_the_link_to_the_withdrawal(desk: Desk, standin: Standin) -> None:
    row, client = desk.ask(), Client()
    link = f"/consent/r/{row.code}/"
    off = client.get(link)
    assert off.status_code == 302
    assert off["Location"].startswith("/consent/enter/")
    back = prove(client, standin, then=link)
    assert back["Location"] == link
    page = text(client.get(link))
    for words in (
        desk.market.buyer.name, desk.market.buyer.uscc, ASKED["title"], *ASKED["fields"], "2026-04-01 至 2026-09-30",
        "有效期内可以多次使用", ASKED["refusal"], desk.agreement.case.number, "依据",
    ):  # fmt: skip
        assert words in page, words
    assert 'href="/consent/r/' in page
    assert "由本人自愿决定" in text(client.get(f"{link}why/"))
    done = client.post(f"{link}agree/", follow=True)
    assert "您已同意" in text(done)
    made = Consent.objects.get()
    assert subjects.speaks_of(
        made.body, subjects.name("person", PERSON["number"]), desk.world.keys["sealing"]
    )
    home = text(client.get("/consent/"))
    assert desk.market.buyer.name in home
    assert "李**" in home
    assert PERSON["number"] not in home
    taken = client.post(f"/consent/given/{made.pk}/withdraw/", follow=True)
    assert "已撤回" in text(taken)
    assert FeedItem.objects.filter(kind="withdrawal").count() == 1
    assert "正等网关的生效回执" in text(taken)
    why = text(client.get(f"/consent/why/{made.pk}/"))
    assert "数据流通安全治理" in why
    client.post("/consent/leave/")
    assert client.get(f"/consent/given/{made.pk}/").status_code == 302


def test_refusing_by_one_tap(desk: Desk, one: Standin) -> None:
    row, client = desk.ask(), Client()
    prove(client, one)
    page = client.post(f"/consent/r/{row.code}/refuse/", follow=True)
    assert "您没有同意" in text(page)
    assert "答复过这个请求" in text(page)
    assert not FeedItem.objects.filter(kind="consent").exists()


def test_nothing_of_the_number_reaches_session_or_database(desk: Desk, one: Standin) -> None:
    client, row = Client(), desk.ask()
    prove(client, one)
    client.post(f"/consent/r/{row.code}/agree/")
    for kept in Session.objects.all():
        assert PERSON["number"] not in json.dumps(kept.get_decoded())
    carried = client.cookies[session.COOKIE]
    assert carried["httponly"]
    assert PERSON["number"].encode() not in base64.urlsafe_b64decode(carried.value)
    with connection.cursor() as cursor:
        for table in connection.introspection.table_names(cursor):
            cursor.execute(
                f'select count(*) from "{table}" t where t::text like %s', [f"%{PERSON['number']}%"]
            )
            assert cursor.fetchone()[0] == 0, table


def test_the_carried_number_is_bound_to_its_session(desk: Desk, one: Standin) -> None:
    row, mine, theirs = desk.ask(), Client(), Client()
    prove(mine, one)
    prove(theirs, one, OTHER)
    theirs.cookies[session.COOKIE] = mine.cookies[session.COOKIE].value
    answer = theirs.post(f"/consent/r/{row.code}/agree/")
    assert answer.status_code == 403
    assert "重新登录" in text(answer)
    assert not Consent.objects.exists()


# ---------------------------------------------------------------- the door


def test_what_the_identity_system_did_not_say_to_this_login_is_refused(desk: Desk, one: Standin) -> None:
    for spoil in (
        {"nonce": "x"}, {"aud": "another"}, {"iss": "https://evil"}, {"exp": 1}, {"iat": 9e12}, {"number": "1"},
        {"name": ""}, {"subject_type": "robot"}, {"subject_type": "firm", "number": people.credit_code(9)},
    ):  # fmt: skip
        one.spoil = spoil
        assert prove(Client(), one).status_code == 403, spoil
    assert not Subject.objects.exists()


def test_a_forged_answer_is_refused(desk: Desk, one: Standin) -> None:
    def other_body(signed: str) -> str:
        head, body, sig = signed.split(".")
        said = json.loads(base64.urlsafe_b64decode(body + "=="))
        forged = base64.urlsafe_b64encode(json.dumps(said | {"number": OTHER["number"]}).encode())
        return f"{head}.{forged.rstrip(b'=').decode()}.{sig}"

    def no_alg(signed: str) -> str:
        head = base64.urlsafe_b64encode(b'{"alg": "none"}').rstrip(b"=").decode()
        return f"{head}.{signed.split('.')[1]}."

    for forge in (other_body, no_alg, lambda _: "x", lambda _: "a.b.c"):
        one.forge = forge
        assert prove(Client(), one).status_code in (403, 503)
    assert not Subject.objects.exists()


def test_a_login_ends_where_it_began(desk: Desk, one: Standin) -> None:
    """Another browser's code, a state of nobody and a second use lead nowhere."""
    victim, attacker = Client(), Client()
    attacker.get("/consent/enter/")
    assert victim.get("/consent/back/?code=x&state=y").status_code == 403
    victim.get("/consent/enter/")
    assert victim.get("/consent/back/?code=x&state=y").status_code == 403
    victim.get("/consent/enter/")
    assert victim.get("/consent/back/?error=access_denied").status_code == 403
    assert not Subject.objects.exists()


def test_without_an_identity_system_the_page_says_so(desk: Desk) -> None:
    answer = Client().get("/consent/enter/")
    assert answer.status_code == 503
    assert "没有接通统一身份认证" in text(answer)


def test_without_an_identity_system_no_button_leads_to_it(desk: Desk) -> None:
    page = text(Client().get("/consent/"))
    assert "还没有接通统一身份认证" in page
    assert 'id="enter"' not in page and 'id="code-form"' not in page


def test_with_an_identity_system_the_button_is_there(desk: Desk, one: Standin) -> None:
    page = text(Client().get("/consent/"))
    assert 'id="enter"' in page and 'id="no-identity"' not in page


def test_an_identity_system_that_is_down_is_told_so(desk: Desk, one: Standin) -> None:
    client = Client()
    off = client.get("/consent/enter/")
    state = re.search(r"state=([^&]+)", off["Location"])
    one.server.shutdown()
    one.server.server_close()
    assert state
    answer = client.get(f"/consent/back/?code=c&state={state[1]}")
    assert answer.status_code == 503
    assert "联系不上" in text(answer)


def test_it_leads_only_to_its_own_pages(desk: Desk, one: Standin) -> None:
    for path in ("https://evil.example/", "//evil.example/consent/", "/admin/", "/consent\\..//evil"):
        assert prove(Client(), one, then=path)["Location"] == "/consent/"


def test_a_subjects_session_is_no_account_and_ends_by_itself(
    desk: Desk, one: Standin, monkeypatch: Any
) -> None:
    client = people.log_in(Client(), desk.market.buyer_person)
    prove(client, one)
    assert client.get("/consent/requests/").status_code == 302
    assert client.get("/inbox/").status_code == 302
    assert client.get("/consent/").status_code == 200
    assert "我的同意" in text(client.get("/consent/"))
    later = clock.wall_now() + session.IDLE + timedelta(minutes=1)
    monkeypatch.setattr(clock, "wall_now", lambda: later)
    assert "实名登录" in text(client.get("/consent/"))


def test_accounts_are_no_subjects(desk: Desk) -> None:
    client = people.log_in(Client(), desk.market.buyer_person)
    made = desk.agreed()
    assert client.get(f"/consent/given/{made.pk}/").status_code == 302
    assert client.post(f"/consent/given/{made.pk}/withdraw/").status_code == 302
    assert not FeedItem.objects.filter(kind="withdrawal").exists()


# ---------------------------------------------------------------- codes


def test_dead_codes_look_alike_and_run_out(desk: Desk, one: Standin) -> None:
    theirs, client = desk.agreed(OTHER), Client()
    prove(client, one)
    assert client.get(f"/consent/r/{theirs.request.code}/why/").status_code == 404
    CodeTry.objects.all().delete()
    first = client.get(f"/consent/r/{theirs.request.code}/")
    second = client.get("/consent/r/abcdefghjkmnpqrstuvw/")
    assert first.status_code == second.status_code == 404

    def bare(answer: Any) -> str:
        return re.sub(r'value="[^"]{64}"', "", text(answer))

    assert bare(first) == bare(second)
    for _ in range(codes.PER_SUBJECT - 2):
        client.get("/consent/r/abcdefghjkmnpqrstuvw/")
    good = desk.ask()
    late = client.get(f"/consent/r/{good.code}/")
    assert late.status_code == 429
    assert "15 分钟" in text(late)
    CodeTry.objects.update(at=clock.wall_now() - codes.COUNTED)
    assert client.get(f"/consent/r/{good.code}/").status_code == 200


def test_anothers_consent_cannot_be_opened(desk: Desk, one: Standin) -> None:
    theirs, client = desk.agreed(OTHER), Client()
    prove(client, one)
    for path in ("", "consent.json", "receipt.json"):
        assert client.get(f"/consent/given/{theirs.pk}/{path}").status_code == 404
    assert client.post(f"/consent/given/{theirs.pk}/withdraw/").status_code == 404
    assert client.get(f"/consent/why/{theirs.pk}/").status_code == 404
    assert client.get("/consent/why/xx-1/").status_code == 404


# ---------------------------------------------------------------- receipts


@pytest.fixture
def log(tmp_path: Path, monkeypatch: Any) -> Iterator[None]:
    monkeypatch.setattr(settings, "LOG_DIR", tmp_path / "log")
    (tmp_path / "log").mkdir()
    for name, alg in (("log", "ed25519"), ("log-sm2", "sm2")):
        if name not in settings.KEYS:
            settings.KEYS.create(name, alg)
    sequencer.log.cache_clear()
    yield
    sequencer.log().close()
    sequencer.log.cache_clear()


@pytest.mark.django_db(transaction=True)
@pytest.mark.row("L13")
def test_receipts_verify_offline_and_not_when_touched(
    desk: Desk, one: Standin, log: None, tmp_path: Path, capsys: Any
) -> None:
    client, row = Client(), desk.ask()
    prove(client, one)
    client.post(f"/consent/r/{row.code}/agree/")
    made = Consent.objects.get()
    client.post(f"/consent/given/{made.pk}/withdraw/")
    while sequencer.step(clock.wall_now()):
        pass
    keys = tmp_path / "keys.txt"
    keys.write_bytes(client.get("/consent/keys.txt").content)
    for name, kind in (("consent.json", "consent"), ("receipt.json", "receipt")):
        path = tmp_path / name
        path.write_bytes(client.get(f"/consent/given/{made.pk}/{name}").content)
        capsys.readouterr()
        assert verify([str(path), "--key", str(keys), "--json"]) == 0, capsys.readouterr().out
        answer = json.loads(capsys.readouterr().out)
        assert (answer["kind"], answer["trusted"]) == (kind, True)
        assert {each["alg"] for each in answer["signers"]} == {"ed25519", "sm2"}
        assert answer["proof"]["entry"]["act"] == (
            "consent.agree" if kind == "consent" else "consent.withdraw"
        )
        assert PERSON["number"] not in path.read_text()
        touched = json.loads(path.read_text())
        touched["said"] = touched["said"] | {"同意人" if kind == "consent" else "撤回人": "别人"}
        path.write_text(json.dumps(touched))
        assert verify([str(path), "--key", str(keys), "--json"]) == 1
    swapped = json.loads(client.get(f"/consent/given/{made.pk}/consent.json").content)
    swapped["proof"] = json.loads(client.get(f"/consent/given/{made.pk}/receipt.json").content)["proof"]
    path.write_text(json.dumps(swapped))
    assert verify([str(path), "--key", str(keys), "--json"]) == 1


def test_no_receipt_before_a_withdrawal(desk: Desk, one: Standin) -> None:
    client, row = Client(), desk.ask()
    prove(client, one)
    client.post(f"/consent/r/{row.code}/agree/")
    assert client.get(f"/consent/given/{Consent.objects.get().pk}/receipt.json").status_code == 404


# ---------------------------------------------------------------- a firm's own key


def firm_signs(desk: Desk, wanted: dict[str, Any], key: Any) -> str:
    sig = base64.b64encode(key.sign(base64.b64decode(wanted["message"]))).decode()
    return json.dumps({"key": key.public().id, "alg": key.alg, "sig": sig})


@pytest.mark.row("B16")
def test_a_firm_agrees_with_its_own_key(desk: Desk, one: Standin) -> None:
    row, client = desk.ask(), Client()
    prove(client, one, firm(desk.market))
    page = f"/consent/r/{row.code}/key/"
    wanted = client.get(page, {"format": "json"}).json()
    assert wanted == client.get(page, {"format": "json"}).json()
    done = client.post(page, {"signature": firm_signs(desk, wanted, desk.firm_key)}, follow=True)
    assert "签名成立" in text(done)
    made = Consent.objects.get()
    assert made.own_key == desk.firm_key.public().id
    envelope = wire.parse(FeedItem.objects.get(kind="consent").envelope)
    taken = admit(envelope, desk.world_now(), now=datetime.now(UTC), mark="test", direction="feed")
    assert [each.organisation for each in taken.signed_by("subject")] == [desk.market.provider.pk]
    assert not taken.signed_by("portal")
    assert subjects.speaks_of(made.body, subjects.name("firm", desk.market.provider.uscc))


def test_another_firms_key_a_person_and_a_touched_body_are_refused(desk: Desk, one: Standin) -> None:
    row, client = desk.ask(), Client()
    prove(client, one, firm(desk.market))
    page = f"/consent/r/{row.code}/key/"
    assert "请先下载" in text(
        client.post(page, {"signature": json.dumps({"key": "k", "alg": "sm2", "sig": ""})})
    )
    wanted = client.get(page, {"format": "json"}).json()
    for signature, words in (
        (firm_signs(desk, wanted, desk.market.key), "签名不成立"),
        (firm_signs(desk, {"message": base64.b64encode(b"else").decode()}, desk.firm_key), "签名不成立"),
        ("nonsense", "读不懂"),
        ("{}", "读不懂"),
    ):
        answer = client.post(page, {"signature": signature})
        assert answer.status_code == 400
        assert words in text(answer)
    person = desk.subject()
    with pytest.raises(Refused, match="企业使用"):
        ownkey.to_sign(row.code, subject=person, number=PERSON["number"], now=desk.now)
    stranger = firm(desk.market) | {"number": desk.market.operator.uscc, "name": "别的公司"}
    with pytest.raises(Refused, match="别的单位"):
        ownkey.agree(
            row.code,
            subject=desk.subject(stranger),
            signature=firm_signs(desk, wanted, desk.firm_key),
            now=desk.now,
        )
    assert not Consent.objects.exists()


# ---------------------------------------------------------------- complaints


@pytest.mark.row("B16")
def test_a_complaint_reaches_those_who_must_answer_and_the_answer_comes_back(
    desk: Desk, one: Standin
) -> None:
    client, row = Client(), desk.ask()
    prove(client, one)
    client.post(f"/consent/r/{row.code}/agree/")
    made = Consent.objects.get()
    form = {"consent": made.pk, "kind": "over_use", "text": "我没有办过这笔业务，却被查了三次。"}
    page = client.post("/consent/complain/", form, follow=True)
    assert "投诉已送出" in text(page)
    complaint = Complaint.objects.get()
    told = {(each.role, each.organisation) for each in Notice.objects.filter(kind="complaint")}
    assert told == {
        ("data_authority", ""),
        ("operator", desk.market.operator.pk),
        ("provider_officer", desk.market.provider.pk),
    }
    staff = people.log_in(Client(), desk.market.checker_person)
    shown = text(staff.get(f"/consent/complaints/{complaint.pk}/"))
    assert form["text"] in shown
    assert complaint.subject.name not in shown
    done = staff.post(f"/consent/complaints/{complaint.pk}/", {"answer": "已查明，网关当天停了这份协议。"})
    assert done.status_code == 302
    assert "网关当天停了" in text(client.get(f"/consent/complain/{complaint.pk}/"))
    assert "有了答复" in text(client.get("/consent/"))
    with pytest.raises(Refused, match="已经答复"):
        complaints.answer(complaint, actor=desk.market.officer, now=desk.now, text="再答复一次")
    acts = set(OutboxEntry.objects.values_list("fields__act", flat=True))
    assert {"consent.complain", "consent.answer"} <= acts


def test_a_complaint_is_seen_by_nobody_else(desk: Desk) -> None:
    made = desk.agreed()
    row = services.complain(
        subject=made.subject, consent=made, kind="other", text="请说明用途。", now=desk.now
    )
    buyer = people.log_in(Client(), desk.market.buyer_person)
    assert buyer.get(f"/consent/complaints/{row.pk}/").status_code == 403
    assert buyer.get("/consent/complaints/").status_code == 403
    # 同一家运营机构里，没有答复投诉这个角色的人
    colleague = people.log_in(Client(), people.person(desk.market.operator, "registrant"))
    assert colleague.get(f"/consent/complaints/{row.pk}/").status_code == 403
    assert colleague.get("/consent/complaints/").status_code == 403
    assert colleague.get(f"/why/{row.pk}").status_code == 404
    stranger = people.acting(people.organisation(), "operator")
    with pytest.raises(Refused, match="没有送交"):
        complaints.answer(row, actor=stranger, now=desk.now, text="与我无关的答复")
    with pytest.raises(Refused, match="没有可以办理"):
        services.complain(
            subject=desk.subject(OTHER), consent=made, kind="other", text="别人的同意", now=desk.now
        )


def test_a_complaint_says_what_is_missing(desk: Desk, one: Standin) -> None:
    client = Client()
    prove(client, one)
    for form, words in (
        ({"kind": "x", "text": "一二三四五"}, "事由"),
        ({"kind": "other", "text": "短"}, "5 到"),
        ({"kind": "other", "text": "请打我的手机 13812345678。"}, "证件号码、手机号"),
    ):
        answer = client.post("/consent/complain/", form)
        assert answer.status_code == 400
        assert words in text(answer)
        assert form["text"] in text(answer)


# ---------------------------------------------------------------- the buyer's pages


@pytest.mark.row("L13")
def test_the_buyer_asks_in_the_browser_and_hands_over_link_and_code(desk: Desk) -> None:
    client = people.log_in(Client(), desk.market.buyer_person)
    assert "可以请求的协议" in text(client.get("/consent/requests/"))
    page = f"/consent/requests/new/{desk.agreement.pk}/"
    assert "办什么事" in text(client.get(page))
    wrong = client.post(page, ASKED | {"refusal": ""})
    assert wrong.status_code == 400
    assert "不同意会怎样" in text(wrong)
    assert ASKED["title"] in text(wrong)
    made = text(client.post(page, ASKED, follow=True))
    code = re.search(r'id="code">([a-z0-9]{20})<', made)
    assert code
    assert f"/consent/r/{code[1]}/" in made
    assert "<svg" in made
    listed = text(client.get("/consent/requests/?q=LOAN"))
    assert ASKED["title"] in listed
    stranger = people.log_in(Client(), people.person(people.organisation(), "buyer"))
    assert stranger.get(page).status_code == 404
    assert people.log_in(Client(), desk.market.maker_person).get(page).status_code == 403
