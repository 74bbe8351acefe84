"""Certificates: codes, PDF, SM2 signature, offline check, the public check page."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.test import Client
from hypothesis import given
from hypothesis import strategies as st
from pypdf import PdfReader

from gongshu.crypto import canonical
from gongshu.office.cases import deposits, services
from gongshu.office.link import clock, sequencer
from gongshu.office.registration import certificates, codes, pdf
from gongshu.office.registration.models import Certificate
from gongshu_verify import main as verifier
from support import people
from support.registrations import Office, after

pytestmark = pytest.mark.django_db


@pytest.fixture
def certificate() -> Certificate:
    return Office().registered().certificate


@pytest.fixture
def public(monkeypatch: pytest.MonkeyPatch) -> Client:
    """A visitor, on the day after the certificate was issued."""
    monkeypatch.setattr(clock, "offset_seconds", lambda: 0)
    monkeypatch.setattr(clock, "business_now", lambda: people.NOW.replace(month=4))
    return Client()


@pytest.fixture
def log(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """An empty log of its own, and its keys."""
    monkeypatch.setattr(settings, "LOG_DIR", tmp_path / "log")
    (tmp_path / "log").mkdir()
    if "log-sm2" not in settings.KEYS:
        settings.KEYS.create("log-sm2", "sm2")
    sequencer.log.cache_clear()
    yield
    sequencer.log().close()
    sequencer.log.cache_clear()


def test_the_same_facts_render_to_the_same_bytes(certificate: Certificate) -> None:
    stored = deposits.read(certificate.digest)
    assert certificates.rendered(certificate.facts, certificate.seal) == stored
    again = Certificate.objects.get(pk=certificate.pk)
    assert certificates.rendered(again.facts, again.seal) == stored


def test_a_lost_file_is_rendered_again(certificate: Certificate) -> None:
    stored = deposits.read(certificate.digest)
    deposits.path_of(certificate.digest).unlink()
    assert certificates.file_of(certificate) == stored


def test_the_pdf_says_what_was_registered_with_an_embedded_font(certificate: Certificate) -> None:
    reader = PdfReader(io.BytesIO(deposits.read(certificate.digest)))
    words = "".join(page.extract_text() for page in reader.pages).replace("\n", "")
    for each in (certificate.code, "市公交集团", certificate.issued.isoformat(), "测试环境签发，没有效力"):
        assert each in words
    fonts = [font.get_object() for font in reader.pages[0]["/Resources"]["/Font"].values()]
    for font in fonts:
        below = font["/DescendantFonts"][0].get_object()
        assert {"/FontFile2", "/FontFile3"} & set(below["/FontDescriptor"].get_object())
    metadata = reader.xmp_metadata
    assert metadata is not None
    raw = metadata.stream.get_data().decode()
    assert "pdfaid:part" in raw
    assert len(reader.pages) == 1


def test_nothing_of_the_wall_clock_is_in_the_pdf(certificate: Certificate) -> None:
    reader = PdfReader(io.BytesIO(deposits.read(certificate.digest)))
    made = reader.metadata
    assert made is not None
    assert made["/CreationDate"].startswith("D:" + certificate.issued.isoformat().replace("-", ""))


def test_a_long_name_stays_on_one_page() -> None:
    office = Office()
    office.registrant.name = office.registrar.name = "名称很长的单位" * 17
    office.registrant.save()
    office.registrar.save()
    office.clerk = people.actor(office.clerk_person, office.zone)
    made = office.registered(R01="很长的名称" * 40)
    reader = PdfReader(io.BytesIO(deposits.read(made.certificate.digest)))
    assert len(reader.pages) == 1


def test_names_with_markup_are_text(certificate: Certificate) -> None:
    facts = certificate.facts | {"lines": [["名称", '#panic("x") *粗* $x$ \\ @a <b> "引号" `c`']]}
    data = pdf.render(facts, certificate.seal, Path(settings.SITE.assets) / "fonts")
    words = PdfReader(io.BytesIO(data)).pages[0].extract_text()
    assert '#panic("x")' in words
    assert "*粗*" in words


def files(tmp_path: Path, public: Client, certificate: Certificate) -> tuple[Path, Path]:
    made = tmp_path / f"{certificate.code}.pdf"
    made.write_bytes(public.get(f"/registration/certificates/{certificate.code}.pdf").content)
    signed = public.get(f"/registration/certificates/{certificate.code}.pdf.sig.json")
    Path(f"{made}.sig.json").write_bytes(signed.content)
    key = tmp_path / "keys.pem"
    names = ("certificate", "log", "log-sm2")
    key.write_bytes(b"".join(settings.KEYS.public(name).to_pem() for name in names if name in settings.KEYS))
    return made, key


def test_the_verifier_accepts_it_with_its_proof_and_names_a_changed_byte(
    log: None, tmp_path: Path, public: Client, certificate: Certificate
) -> None:
    sequencer.step(clock.wall_now())
    made, key = files(tmp_path, public, certificate)
    signed = json.loads(Path(f"{made}.sig.json").read_bytes())
    assert signed["proof"]["entry"]["digests"]["certificate"] == certificate.digest
    answer = verifier.verify(made, key)
    assert (answer["ok"], answer["trusted"], answer["problems"]) == (True, True, [])
    assert verifier.verify(made, None)["trusted"] is False
    data = bytearray(made.read_bytes())
    data[len(data) // 2] ^= 1
    made.write_bytes(data)
    assert not verifier.verify(made, key)["ok"]


def test_changed_facts_break_the_signature(tmp_path: Path, public: Client, certificate: Certificate) -> None:
    made, key = files(tmp_path, public, certificate)
    beside = Path(f"{made}.sig.json")
    signed = json.loads(beside.read_bytes())
    signed["facts"]["valid_until"] = "2099-01-01"
    beside.write_text(json.dumps(signed))
    assert not verifier.verify(made, key)["ok"]


def test_the_qr_leads_to_the_check_page_with_the_sm2_seal(public: Client, certificate: Certificate) -> None:
    address = pdf.address(certificate.facts, certificate.seal)
    path = address.partition("//")[2].partition("/")[2]
    page = public.get(f"/{path}").content.decode()
    assert "这张凭证是真的" in page
    assert 'data-status="valid"' in page
    forged = public.get(f"/{path[:-6]}AAAAAA").content.decode()
    assert "可能是伪造的" in forged
    assert settings.KEYS.public("certificate").verify(
        __import__("base64").b64decode(certificate.seal), canonical.dumps(certificate.facts)
    )


def test_why_a_certificate_holds_is_public(public: Client, certificate: Certificate) -> None:
    page = public.get(f"/why/{certificate.code}")
    assert page.status_code == 200
    assert certificate.valid_until.isoformat() in page.content.decode()
    assert public.get("/why/ZX-620000-R-2026-000099-0").status_code == 404


def test_the_public_keys_are_those_that_verify(
    tmp_path: Path, public: Client, certificate: Certificate
) -> None:
    made, _ = files(tmp_path, public, certificate)
    key = tmp_path / "downloaded.pem"
    key.write_bytes(public.get("/registration/certificates/keys.pem").content)
    answer = verifier.verify(made, key)
    assert (answer["ok"], answer["trusted"]) == (True, True)


def test_a_code_is_checked_as_typed(public: Client, certificate: Certificate) -> None:
    plain = certificate.code.replace("-", "").lower()
    for typed in (certificate.code, plain, f" {certificate.code} ", certificate.code.replace("-", "—")):
        page = public.get("/registration/check/", {"code": typed})
        assert page.status_code == 200, typed
        assert "市公交集团" in page.content.decode()


def test_a_mistyped_code_and_an_unknown_one_are_told_apart(public: Client) -> None:
    good = codes.CURRENT.make("620000", "resource", 2026, 77)
    unknown = public.get(f"/registration/check/{good}")
    assert unknown.status_code == 404
    assert "没有发放过" in unknown.content.decode()
    wrong = public.get(f"/registration/check/{good[:-1]}{'0' if good[-1] != '0' else '1'}")
    assert wrong.status_code == 400
    assert "不是登记编码" in wrong.content.decode()


@pytest.mark.row("D12")
def test_the_check_page_follows_the_state_of_the_case(public: Client) -> None:
    office = Office()
    made = office.registered()
    code = made.certificate.code

    def status() -> Any:
        return public.get(f"/registration/check/{code}", headers={"accept": "application/json"}).json()[
            "status"
        ]

    assert status() == "valid"
    later = after(made.publicity_until)
    stranger = people.acting(people.organisation(zone="gansu"), "developer", zone="gansu")
    proof = [{"name": "证据.pdf", "digest": "sha256:" + "d" * 64}]
    services.perform(
        made.case,
        "object_after",
        stranger,
        {"objector": "某公司", "grounds": "争议", "evidence": proof},
        later,
    )
    assert status() == "flagged"
    services.perform(
        made.case, "revoke", office.clerk, {"breach": "fraud", "reasons": "造假", "verified": True}, later
    )
    assert status() == "revoked"


@given(
    st.sampled_from(["resource", "product"]), st.integers(2000, 2999), st.integers(1, 10**9 - 1), st.data()
)
def test_one_wrong_character_or_a_swap_is_noticed(kind: str, year: int, number: int, data: Any) -> None:
    code = codes.CURRENT.make("420200", kind, year, number)
    assert codes.read(code) == code
    places = [i for i, c in enumerate(code) if c.isdigit()]
    place = data.draw(st.sampled_from(places))
    other = data.draw(st.sampled_from([c for c in "0123456789" if c != code[place]]))
    assert codes.read(code[:place] + other + code[place + 1 :]) is None


def test_codes_are_never_given_twice() -> None:
    drawn = [certificates.draw("huangshi", "resource", 2026) for _ in range(20)]
    assert len(set(drawn)) == 20
    assert certificates.draw("huangshi", "product", 2026) not in drawn


def test_downloading_twice_gives_the_same_bytes_and_signature(public: Client) -> None:
    made = Office().registered().certificate
    address = f"/registration/certificates/{made.code}.pdf"
    first = public.get(address).content
    signed = public.get(f"{address}.sig.json").json()["signatures"]
    assert public.get(address).content == first
    assert public.get(f"{address}.sig.json").json()["signatures"] == signed
