"""Files anybody may fetch: certificate, its signature, its proof of inclusion, receipts of deposits."""

from __future__ import annotations

import json
from typing import Any

from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404

from gongshu.office.accounts.access import actor_of, login_required, needs
from gongshu.office.accounts.permissions import Refused
from gongshu.office.cases import deposits as store
from gongshu.office.link import proofs
from gongshu.office.registration import certificates, deposits, objections, queries
from gongshu.office.registration.models import Certificate, Deposit, Objection
from gongshu.ui import errors
from gongshu.ui.export import attachment


def of_code(code: str) -> Certificate:
    found = queries.certificate(code)
    if found is None:
        raise Http404
    return found


def document(request: HttpRequest, code: str) -> HttpResponse:
    """The certificate as PDF, exactly the bytes that were signed."""
    found = of_code(code)
    try:
        data = certificates.file_of(found)
    except store.DepositError as error:
        return errors.page(request, 500, str(error), "deposit")
    answer = HttpResponse(data, content_type="application/pdf")
    answer["Content-Disposition"] = attachment(f"{found.code}.pdf")
    return answer


KEYS = (certificates.KEY, "log", "log-sm2")


def keys(_: HttpRequest) -> HttpResponse:
    """The public keys that certificates and their proofs are checked with, as `gongshu keys` prints them."""
    lines = []
    for name in KEYS:
        if name in settings.KEYS:
            key = settings.KEYS.public(name)
            lines.append(f"# office {name} {key.id}\n{key.to_pem().decode().strip()}\n")
    answer = HttpResponse("".join(lines), content_type="application/x-pem-file")
    answer["Content-Disposition"] = attachment("keys.pem")
    return answer


def signature(_: HttpRequest, code: str) -> HttpResponse:
    """The detached SM2 signature, with the proof of inclusion once the log has taken the certificate."""
    found = of_code(code)
    made = proofs.of(found.entry)
    return as_file({**found.signed, **({"proof": made} if made else {})}, f"{found.code}.pdf.sig.json")


def proof(request: HttpRequest, code: str) -> HttpResponse:
    """The proof that the certificate was written into the evidence log."""
    found = of_code(code)
    made = proofs.of(found.entry)
    if made is None:
        return errors.page(request, 503, "凭证正在写入存证日志，几秒钟后就能下载证明。", "proof_wait")
    return as_file(made, f"{found.code}.proof.json")


@login_required
def deposit_receipt(request: HttpRequest, pk: str) -> HttpResponse:
    """The receipt of a deposit with its proof."""
    found = get_object_or_404(
        Deposit.objects.for_actor(actor_of(request)).select_related("receipt", "entry"), pk=pk
    )
    try:
        return as_file(deposits.with_proof(found), f"{found.pk}.json")
    except store.DepositError as error:
        return errors.page(request, 500, str(error), "deposit")


@needs("registration.desk")
def identity_paper(request: HttpRequest, pk: str) -> HttpResponse:
    """The identity paper of an objector, for the registrar of the zone alone; looking leaves evidence."""
    actor = actor_of(request)
    rows = Objection.objects.for_actor(actor).select_related("identity_paper", "registration")
    found = get_object_or_404(rows.exclude(identity_paper=None), pk=pk)
    try:
        paper = objections.read_identity(found, actor=actor)
    except Refused:
        raise Http404 from None
    try:
        data = store.read(paper.digest)
    except store.DepositError as error:
        return errors.page(request, 500, str(error), "deposit")
    answer = HttpResponse(data, content_type=paper.media_type)
    answer["Content-Disposition"] = attachment(paper.name)
    answer["Content-Security-Policy"] = "sandbox; default-src 'none'"
    return answer


def as_file(data: dict[str, Any], name: str) -> HttpResponse:
    text = json.dumps(data, ensure_ascii=False, indent=1)
    answer = HttpResponse(text, content_type="application/json; charset=utf-8")
    answer["Content-Disposition"] = attachment(name)
    return answer
