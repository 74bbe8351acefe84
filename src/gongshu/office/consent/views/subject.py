"""The subject's own pages, phone first: come in, decide, see who used it, take it back, complain."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.views.decorators.http import require_GET, require_POST

from gongshu.law.history import local_day
from gongshu.office.accounts.grounds import basis
from gongshu.office.accounts.middleware import status_of
from gongshu.office.accounts.permissions import Refused
from gongshu.office.cases import lawbook
from gongshu.office.cases.views import as_json
from gongshu.office.consent import codes, identity, notices, ownkey, queries, receipts, services, session, why
from gongshu.office.consent.models import Complaint, Consent, ConsentRequest, Subject
from gongshu.office.link import clock
from gongshu.ui.export import attachment
from gongshu.ui.inputs import plain


def me(request: HttpRequest) -> Subject:
    """The subject; only behind `needs_subject`."""
    found = session.subject_of(request)
    if found is None:
        raise Refused("请先实名登录。", "identity")
    return found


def address_of(request: HttpRequest) -> str:
    return str(request.META.get("REMOTE_ADDR", ""))


def shown(request: HttpRequest, template: str, status: int = 200, **context: Any) -> HttpResponse:
    """A page of a subject: with who is there, and never kept by the browser."""
    subject = session.subject_of(request)
    context |= {"subject": subject, "capacity": session.capacity_of(request) if subject else ""}
    answer = render(request, f"consent/{template}.html", context, status=status)
    answer["Cache-Control"] = "no-store"
    return answer


def told(request: HttpRequest, refusal: Refused | identity.IdentityError, status: int) -> HttpResponse:
    """A refusal as a page of its own with a way on."""
    return shown(request, "told", status, title="没有办成", sentence=refusal.sentence, code=refusal.code)


# ------------------------------------------------------------ coming in


@require_GET
def home(request: HttpRequest) -> HttpResponse:
    """我的数据: what I agreed to and who used it; before that, what this page is for."""
    subject = session.subject_of(request)
    if subject is None:
        missing = identity.missing()
        return shown(
            request, "welcome", title="我的数据", no_identity=missing, **_grounds(settings.SITE.zone)
        )
    rows = queries.given(subject, clock.business_today())
    told_ = queries.notices(subject)
    unread = notices.seen(told_, clock.wall_now())
    live = [each for each in rows if each.state in ("live", "not_yet")]
    past = [each for each in rows if each.state not in ("live", "not_yet")]
    complaints = list(Complaint.objects.filter(subject=subject).order_by("-wall_at")[:20])
    return shown(
        request,
        "home",
        title="我的数据",
        live=live,
        past=past,
        notices=told_,
        unread=unread,
        complaints=complaints,
    )


def _grounds(zone: str) -> dict[str, Any]:
    """The articles in words behind consent and withdrawal."""
    today = clock.business_today()
    rules = lawbook.rules_now(zone, today)
    cited = dict.fromkeys([*basis(zone, services.GIVEN, today), *basis(zone, services.FREE, today)])
    return {"basis": [rules.cite(each) for each in cited]}


@require_GET
def enter(request: HttpRequest) -> HttpResponse:
    """Off to the identity system."""
    back = request.build_absolute_uri(reverse("consent:back"))
    try:
        to, kept = identity.begin(identity.provider(), back, clock.wall_now())
    except identity.IdentityError as error:
        return told(request, error, 503)
    session.remember(request, kept, session.safe(request, request.GET.get("next", "")))
    return redirect(to)


@require_GET
def back(request: HttpRequest) -> HttpResponse:
    """Back from the identity system with a code."""
    wall = clock.wall_now()
    kept = session.recall(request, wall)
    try:
        if kept is None:
            raise identity.IdentityError("这次实名认证已经失效，请重新开始。", "identity_state")
        found = identity.finish(identity.provider(), kept, request.GET, wall)
    except identity.IdentityError as error:
        return told(request, error, 503 if error.code == "identity_line" else 403)
    subject = services.enter(found)
    session.start(request, subject, found.capacity, wall)
    answer = redirect(kept["then"])
    session.carry(request, answer, subject, found.number)
    return answer


@require_POST
def leave(request: HttpRequest) -> HttpResponse:
    answer = redirect("consent:home")
    session.end(request, answer)
    return answer


# ------------------------------------------------------------ deciding


@require_GET
def code(request: HttpRequest) -> HttpResponse:
    """A code typed by hand leads to the same page as a link."""
    typed = "".join(c for c in request.GET.get("code", "") if c.isascii() and c.isalnum())[:20]
    return redirect("consent:request", code=typed.lower()) if typed else redirect("consent:home")


def found_request(request: HttpRequest, code_: str) -> ConsentRequest:
    """The request behind a code; dead codes are counted, and after too many nothing is looked up at all."""
    subject, address, wall = me(request), address_of(request), clock.wall_now()
    codes.check(subject.pk, address, wall)
    try:
        return services.pending(code_, subject)
    except Refused:
        codes.count(subject.pk, address, settings.SITE.zone, wall)
        raise


def one_answer(view: Any) -> Any:
    """What a subject may not see, and what does not exist, is told in the same way."""

    def guarded(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        try:
            answer: HttpResponse = view(request, *args, **kwargs)
        except Refused as refusal:
            return told(request, refusal, 404 if refusal.code == "gone" else status_of(refusal.code))
        return answer

    return session.needs_subject(guarded)


@require_GET
@one_answer
def asked(request: HttpRequest, code: str) -> HttpResponse:
    """The question: who, for what, which fields, until when, how often, what if not, under what."""
    row = found_request(request, code)
    if row.state == "agreed":
        return redirect("consent:given", pk=row.consent.pk)
    return question(request, row)


def question(request: HttpRequest, row: ConsentRequest, refusal: Refused | None = None) -> HttpResponse:
    rules = lawbook.rules_now(row.zone_id, clock.business_today())
    cited = basis(row.zone_id, services.GIVEN, local_day(clock.business_now()))
    return shown(
        request,
        "asked",
        status_of(refusal.code) if refusal else 200,
        title="请您决定",
        row=row,
        facts=services.facts_of(row),
        basis=[rules.cite(each) for each in cited],
        refusal=refusal,
    )


@require_GET
@one_answer
def asked_why(request: HttpRequest, code: str) -> HttpResponse:
    """为什么 of a question that waits for its answer: whoever may answer it may read it."""
    return shown(request, "why", title="为什么", why=why.screen(found_request(request, code)))


@require_POST
@one_answer
def agree(request: HttpRequest, code: str) -> HttpResponse:
    """One tap."""
    row, subject = found_request(request, code), me(request)
    try:
        made = services.agree(
            row.code, subject=subject, number=session.number_of(request, subject), now=clock.business_now()
        )
    except Refused as refusal:
        return question(request, row, refusal)
    messages.success(request, "您已同意。随时可以在这里撤回。")
    return redirect("consent:given", pk=made.pk)


@require_POST
@one_answer
def refuse(request: HttpRequest, code: str) -> HttpResponse:
    """One tap, no reason."""
    row = found_request(request, code)
    services.refuse(row.code, subject=me(request), now=clock.business_now())
    messages.success(request, f"您没有同意。{row.agreement.buyer.name}看不到您的数据，也不会知道理由。")
    return redirect("consent:request", code=row.code)


@one_answer
def own_key(request: HttpRequest, code: str) -> HttpResponse:
    """A firm signs with its own key: the content to sign, then the signature."""
    row, subject = found_request(request, code), me(request)
    refusal = None
    now = clock.business_now()
    if request.method == "POST":
        try:
            made = ownkey.agree(
                row.code, subject=subject, signature=plain(request.POST.get("signature", "")), now=now
            )
        except Refused as error:
            refusal = error
        else:
            messages.success(request, "签名成立，同意已经生效。")
            return redirect("consent:given", pk=made.pk)
    wanted = ownkey.to_sign(row.code, subject=subject, number=session.number_of(request, subject), now=now)
    if request.GET.get("format") == "json":
        answer = as_json(wanted)
        answer["Content-Disposition"] = attachment(f"to-sign-{wanted['body']['id']}.json")
        return answer
    status = status_of(refusal.code) if refusal else 200
    return shown(
        request, "own_key", status, title="用企业的钥匙签名", row=row, wanted=wanted, refusal=refusal
    )


# ------------------------------------------------------------ what I gave


def own(request: HttpRequest, pk: str) -> Consent:
    found: Consent = get_object_or_404(queries.mine(me(request)), pk=pk)
    return found


@require_GET
@session.needs_subject
def given(request: HttpRequest, pk: str) -> HttpResponse:
    """One consent: what it says, who used it when and how often, and the way to take it back."""
    row = own(request, pk)
    view = queries.views_of([row], clock.business_today())[0]
    return shown(
        request,
        "given",
        title=row.buyer.name,
        each=view,
        row=row,
        facts=services.facts_of(row.request),
        days=queries.by_day([row.pk]),
        effects=queries.effects(view.withdrawal) if view.withdrawal else [],
    )


@require_POST
@session.needs_subject
def withdraw(request: HttpRequest, pk: str) -> HttpResponse:
    """One tap; never refused."""
    services.withdraw(own(request, pk), subject=me(request), now=clock.business_now())
    messages.success(request, "您已撤回。各网关几秒之内停止，生效的时间会显示在本页。")
    return redirect("consent:given", pk=pk)


@require_GET
@session.needs_subject
def document(request: HttpRequest, pk: str) -> HttpResponse:
    """The consent as a signed file."""
    row = own(request, pk)
    return file_of(receipts.with_proof(row.document, row.entry), f"consent-{pk}.json")


@require_GET
@session.needs_subject
def receipt(request: HttpRequest, pk: str) -> HttpResponse:
    """The receipt of a withdrawal as a signed file."""
    taken = getattr(own(request, pk), "withdrawal", None)
    if taken is None:
        raise Http404
    return file_of(receipts.with_proof(taken.document, taken.entry), f"receipt-{taken.pk}.json")


def file_of(made: dict[str, Any], name: str) -> HttpResponse:
    answer = as_json(made)
    answer["Content-Disposition"] = attachment(name)
    return answer


@require_GET
def keys(_request: HttpRequest) -> HttpResponse:
    """The consent service's public keys, as `gongshu-verify --key` reads them."""
    text = "\n".join(receipts.public_keys()) + "\n"
    answer = HttpResponse(text, content_type="text/plain; charset=utf-8")
    answer["Content-Disposition"] = attachment("consent-keys.txt")
    return answer


@require_GET
@session.needs_subject
def calls(request: HttpRequest) -> HttpResponse:
    """谁用了我的数据: by day, by whom, how often."""
    rows = {row.pk: row for row in queries.mine(me(request))[:500]}
    days = [each | {"row": rows[each["consent_id"]]} for each in queries.by_day(list(rows))]
    return shown(request, "calls", title="谁用了我的数据", days=days)


@require_GET
@session.needs_subject
def explained(request: HttpRequest, identifier: str) -> HttpResponse:
    """为什么, for the subject whose it is."""
    found = why.for_subject(identifier, me(request))
    if found is None:
        raise Http404
    return shown(request, "why", title="为什么", why=found)


# ------------------------------------------------------------ complaining


@session.needs_subject
def complain(request: HttpRequest) -> HttpResponse:
    """A complaint, about one consent or in general."""
    subject = me(request)
    rows = list(queries.mine(subject)[:200])
    chosen = request.POST.get("consent", "") or request.GET.get("consent", "")
    typed = {"kind": request.POST.get("kind", ""), "text": plain(request.POST.get("text", ""))}
    refusal = None
    if request.method == "POST":
        about = next((row for row in rows if row.pk == chosen), None)
        try:
            made = services.complain(subject=subject, consent=about, now=clock.business_now(), **typed)
        except Refused as error:
            refusal = error
        else:
            messages.success(request, f"投诉已送出，编号 {made.pk}。答复会显示在“我的数据”里。")
            return redirect("consent:complaint", pk=made.pk)
    status = status_of(refusal.code) if refusal else 200
    return shown(
        request, "complain", status, title="投诉", rows=rows, chosen=chosen, typed=typed,
        refusal=refusal, kinds=Complaint.KINDS,
    )  # fmt: skip


@require_GET
@session.needs_subject
def complaint(request: HttpRequest, pk: str) -> HttpResponse:
    row = get_object_or_404(
        Complaint.objects.filter(subject=me(request)).select_related("consent__buyer"), pk=pk
    )
    return shown(request, "complaint", title="投诉", row=row)


def link_of(request: HttpRequest, row: ConsentRequest) -> str:
    """The full address of a request."""
    return request.build_absolute_uri(reverse("consent:request", args=[row.code]))
