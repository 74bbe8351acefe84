"""入库: hand in a file, see what was recognised, decide field by field."""

from __future__ import annotations

import errno
import secrets
from typing import Any

from django.conf import settings
from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_GET, require_POST

from gongshu.airlock import access, waiting, words
from gongshu.airlock.forms import DecisionForm, HandInForm
from gongshu.enclave import clock, handin, sources
from gongshu.enclave import intake as reading
from gongshu.enclave.intake import IntakeError
from gongshu.enclave.store.models import Intake
from gongshu.enclave.vault import VaultError

REASONS = reading.REASONS
FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


def _mine(request: HttpRequest, pk: str) -> Intake:
    found = Intake.objects.filter(pk=pk, organisation=access.visitor(request).organisation).first()
    if found is None:
        raise Http404
    return found


def _kept(made: Intake) -> dict[str, Any] | None:
    """What the office was told of a hand-in, while it is the newest of its resource."""
    found = sources.newest(made.zone, made.resource) if made.snapshot else None
    if found is None or found.snapshot != made.snapshot:
        return None
    columns = [
        (
            name,
            words.TYPES.get(each["type"], each["type"]),
            each["grade"],
            words.GRADES.get(each["grade"], ""),
        )
        for name, each in found.columns.items()
    ]
    return {"rows": found.rows, "subject": found.subject, "columns": columns}


@require_GET
@access.needs("hand_in")
def index(request: HttpRequest) -> HttpResponse:
    rows = Intake.objects.filter(organisation=access.visitor(request).organisation).order_by("-received")
    return render(request, "airlock/intakes.html", {"title": "入库", "rows": rows[:200]})


@access.needs("hand_in")
def new(request: HttpRequest) -> HttpResponse:
    visitor = access.visitor(request)
    initial = {
        name: request.GET.get(name, "") for name in ("resource", "title", "table") if name in request.GET
    }
    form = HandInForm(
        request.POST or None,
        request.FILES or None,
        zones=visitor.zones,
        offered=waiting.handed_in(visitor),
        initial=initial,
    )
    if request.method != "POST" or not form.is_valid():
        status = 400 if request.method == "POST" else 200
        return render(request, "airlock/intake_new.html", {"form": form, "title": "交入文件"}, status=status)
    given = form.cleaned_data
    settings.INTAKE_DIR.mkdir(mode=0o700, parents=True, exist_ok=True)
    path = settings.INTAKE_DIR / f"{handin.UPLOAD}{secrets.token_hex(12)}"
    try:
        with path.open("xb") as out:
            for chunk in given["file"].chunks(1 << 20):
                out.write(chunk)
        now = clock.wall_now()
        made = handin.begin(
            zone=given["zone"],
            organisation=visitor.organisation,
            person=visitor.person,
            resource=given["resource"],
            title=given["title"].strip(),
            table=given["table"],
            filename=given["file"].name[:200],
            path=path,
            now=now,
        )
        handin.read(made, now, header=given["header"])
    except OSError as error:
        if error.errno not in FULL:
            raise
        raise access.Refused(
            "数据域的磁盘满了，文件没有收下；请联系数据域的安全管理员。", 507, "space"
        ) from error
    finally:
        path.unlink(missing_ok=True)  # plain raw data: gone whatever happened
    return redirect("intake-one", pk=made.id)


@access.needs("hand_in")
def one(request: HttpRequest, pk: str) -> HttpResponse:
    made = _mine(request, pk)
    context = {"title": made.title, "made": made}
    if made.state != "read":
        context["source"] = _kept(made)
        return render(request, "airlock/intake_done.html", context)
    proposal = handin.proposal_of(made)
    try:
        shown = reading.preview(proposal, drafts=handin.drafts(), rows=5)
    except VaultError as error:
        context["made"] = handin.lost(made, error.sentence)
        return render(request, "airlock/intake_done.html", context)
    form = DecisionForm(proposal, request.POST or None)
    status = 200
    if request.method == "POST":
        if form.is_valid():
            try:
                handin.confirm(
                    made, form.decision(), person=access.visitor(request).person, now=clock.wall_now()
                )
            except handin.HandInError as error:
                form.add_error(None, str(error))
            else:
                messages.success(request, "已入库。字段、等级和行数已告知办公域；数据留在数据域。")
                return redirect("intake-one", pk=made.id)
        status = 400
    context |= {
        "form": form,
        "proposal": proposal,
        "broken": [
            (REASONS.get(name, name), count) for name, count in proposal.broken.get("counts", {}).items()
        ],
        "preview": shown,
    }
    return render(request, "airlock/intake_one.html", context, status=status)


@require_POST
@access.needs("hand_in")
def back(request: HttpRequest, pk: str) -> HttpResponse:
    reason = request.POST.get("reason", "").strip() or "经办人撤回"
    try:
        handin.send_back(
            _mine(request, pk), person=access.visitor(request).person, reason=reason, now=clock.wall_now()
        )
    except handin.HandInError as error:
        raise access.Refused(str(error), 409, "state") from error
    messages.success(request, "文件已退回，草稿和密钥已销毁。")
    return redirect("intake")


@require_GET
@access.needs("hand_in")
def broken(request: HttpRequest, pk: str) -> HttpResponse:
    """The lines set aside, as text, for their provider only."""
    made = _mine(request, pk)
    if made.state != "read":
        raise Http404
    try:
        text = reading.broken_lines(handin.proposal_of(made), drafts=handin.drafts())
    except (IntakeError, VaultError) as error:
        raise access.Refused(error.sentence, 404, error.code) from error
    answer = HttpResponse(text, content_type="text/plain; charset=utf-8")
    answer["Content-Disposition"] = 'attachment; filename="broken-lines.txt"'
    return answer
