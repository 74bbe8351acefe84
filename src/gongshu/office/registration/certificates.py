"""Issuing a certificate: one code, its facts, the SM2 seal, the PDF, the signed document, the evidence."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from datetime import date, datetime
from pathlib import Path
from typing import Any

from django.conf import settings

from gongshu.crypto import canonical, hashes
from gongshu.crypto.sign import PrivateKey
from gongshu.law import certificates as law
from gongshu.law import forms as law_forms
from gongshu.law.errors import LawError
from gongshu.law.history import local_day
from gongshu.law.rules import Rules
from gongshu.office.accounts.actors import Actor
from gongshu.office.accounts.permissions import Refused
from gongshu.office.accounts.zones import ZONES
from gongshu.office.cases import deposits, lawbook
from gongshu.office.cases.models import Case, CaseEvent
from gongshu.office.link import clock, evidence
from gongshu.office.registration import codes, content, pdf
from gongshu.office.registration.forms import cited
from gongshu.office.registration.models import Certificate, CodeNumber, Registration

KEY = "certificate"
ROLE = "certificate"
KIND = "certificate"
DOCUMENT = "certificate"


def validity(registration: Registration, rules: Rules, issued: date) -> law.Validity:
    """The last day of a certificate issued on `issued`. Raises `LawError`, e.g. when the term is over."""
    return law.validity(rules, issued, registration.data_type, content.term(registration.filled))


def issue(case: Case, event: CaseEvent, actor: Actor, now: datetime) -> Certificate:
    """Issue the certificate of a case whose `certify` was just done; inside its transaction.

    `now` is business time. The code and the PDF's digest are written into the event, which nobody has
    seen yet. Raises `Refused` when the term is over or the fonts are missing.
    """
    registration = Registration.objects.select_for_update(of=("self",)).get(case=case)
    rules, issued = lawbook.rules_of(case), local_day(now)
    try:
        until = validity(registration, rules, issued).until
    except LawError as error:
        raise Refused(error.sentence, error.code, tuple(error.basis)) from error
    code = draw(case.zone_id, registration.data_type, issued.year)
    facts = facts_of(registration, rules, code, issued, until, actor)
    key = signer()
    seal = base64.b64encode(key.sign(canonical.dumps(facts))).decode()
    document = rendered(facts, seal)
    digest = deposits.put_bytes(document)
    signed = signed_document(facts, seal, document, key)
    entry = evidence.record(
        act="registration.certificate",
        actor=actor.person,
        role=event.role,
        subject=registration.id,
        zone=case.zone_id,
        now=clock.wall_now(),
        case=case.id,
        articles=event.entry.fields["articles"],
        digests={"certificate": digest, "content": facts["content"]},
    )
    event.data = {**event.data, "certificate": code, "certificate_digest": digest}
    event.save(update_fields=["data"])
    return Certificate.objects.create(
        code=code,
        zone_id=case.zone_id,
        registration=registration,
        data_type=registration.data_type,
        organisation=case.organisation_id or "",
        name=facts["name"],
        facts=facts,
        seal=seal,
        digest=digest,
        signed=signed,
        issued=issued,
        valid_until=until,
        wall_at=clock.wall_now(),
        entry=entry,
    )


def draw(zone: str, data_type: str, year: int) -> str:
    """The next code of a zone, type and year; never given twice."""
    CodeNumber.objects.get_or_create(zone=zone, year=year, kind=data_type)
    row = CodeNumber.objects.select_for_update().get(zone=zone, year=year, kind=data_type)
    row.last += 1
    row.save(update_fields=["last"])
    return codes.CURRENT.make(ZONES[zone].code, data_type, year, row.last)


def facts_of(
    registration: Registration, rules: Rules, code: str, issued: date, until: date, actor: Actor
) -> dict[str, Any]:
    """Everything the certificate says. `lines` are the items the zone's pack lists, in its order."""
    case = registration.case
    rule, form = rules.document(DOCUMENT), content.form_of(rules)
    organisation = case.organisation
    given = {
        "code": code,
        "registrant": organisation.name if organisation else "",
        "registrant_code": organisation.uscc if organisation else "",
        "registrar": actor.organisation_name,
        "issued": issued.isoformat(),
        "valid_until": until.isoformat(),
        "digest": content.digest(rules, registration.filled),
    }
    lines = []
    for item in rule["items"]:
        name = item.get("field")
        text = law_forms.shown(form, name, registration.filled.get(name)) if name else given[str(item["id"])]
        lines.append([str(item["title"]), text])
    return {
        "v": 1,
        "title": rule.title,
        "zone": case.zone_id,
        "zone_title": ZONES[case.zone_id].title,
        "code": code,
        "scheme": codes.CURRENT.title if codes.CURRENT.provisional else "",
        "name": str(registration.filled.get(content.NAME, "")),
        "data_type": registration.data_type,
        "registrant": given["registrant"],
        "registrant_code": given["registrant_code"],
        "registrar": given["registrar"],
        "issued": given["issued"],
        "valid_until": given["valid_until"],
        "content": given["digest"],
        "case": case.number,
        "pack": case.pack_digest,
        "lines": lines,
        "basis": cited(rules, rule.basis),
        "because": rule.because or "",
        "mark": settings.SITE.mark,
        "check": check_address(code),
    }


def check_address(code: str) -> str:
    """The public address under which a code is checked."""
    site = str(settings.SITE.urls["office"]).rstrip("/")
    return f"{site}/registration/check/{code}"


def rendered(facts: Mapping[str, Any], seal: str) -> bytes:
    """The PDF of these facts. Raises `Refused` when this machine lacks the fonts."""
    try:
        return pdf.render(facts, seal, Path(settings.SITE.assets) / "fonts")
    except pdf.NoFonts as error:
        raise Refused(str(error), "setup") from error


def signer() -> PrivateKey:
    """The SM2 key of certificates; made when an older home has none."""
    if KEY not in settings.KEYS:
        settings.KEYS.create(KEY, "sm2")
    return settings.KEYS.signer(KEY)


def signed_document(facts: Mapping[str, Any], seal: str, document: bytes, key: PrivateKey) -> dict[str, Any]:
    """`<code>.pdf.sig.json`: the PDF's digests and the facts, signed with SM2 over their canonical JSON."""
    body: dict[str, Any] = {
        "v": 1,
        "kind": KIND,
        "file": f"{facts['code']}.pdf",
        "digest": hashes.digest(document),
        "sm3": hashes.digest(document, "sm3"),
        "facts": dict(facts),
        "seal": seal,
    }
    signature = {
        "role": ROLE,
        "key": key.public().id,
        "alg": key.alg,
        "sig": base64.b64encode(key.sign(canonical.dumps(body))).decode(),
    }
    return {**body, "signatures": [signature]}


def seal_holds(certificate: Certificate, seal: str) -> bool:
    """Whether a seal read from a QR is this certificate's own and signs what is stored."""
    padded = seal.replace("-", "+").replace("_", "/")
    try:
        raw = base64.b64decode(padded + "=" * (-len(padded) % 4), validate=True)
    except ValueError:
        return False
    facts = canonical.dumps(certificate.facts)
    return base64.b64encode(raw).decode() == certificate.seal and signer().public().verify(raw, facts)


def file_of(certificate: Certificate) -> bytes:
    """The PDF as issued: from the deposit store, or rendered again to the same bytes when it is lost.

    Raises `deposits.DepositError` when neither gives the bytes that were signed.
    """
    try:
        return deposits.read(certificate.digest)
    except deposits.DepositError:
        again = rendered(certificate.facts, certificate.seal)
        if hashes.digest(again) != certificate.digest:
            raise
        return again
