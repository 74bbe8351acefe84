"""Logging in, and the page that says what waits."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect, render
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.decorators.http import require_GET, require_POST

from gongshu.airlock import access, waiting
from gongshu.airlock.forms import LoginForm, PasswordForm
from gongshu.enclave import clock
from gongshu.enclave.store.models import Account


@require_GET
def health(_request: HttpRequest) -> JsonResponse:
    """For the supervisor: the site answers and its database is there."""
    Account.objects.count()
    return JsonResponse({"ok": True})


def log_in(request: HttpRequest) -> HttpResponse:
    form = LoginForm(request.POST or None, initial={"next": request.GET.get("next", "")})
    if request.method == "POST" and form.is_valid():
        now = clock.wall_now()
        given = form.cleaned_data
        try:
            account = access.log_in(given["username"], given["password"], given["code"], now)
        except access.Refused as refusal:
            again = LoginForm(initial={name: given[name] for name in ("username", "next")})
            context = {"form": again, "refusal": refusal.sentence}
            return render(request, "airlock/login.html", context, status=refusal.status)
        request.session.flush()
        request.session.update(
            {
                "user": account.user,
                "seen": now.timestamp(),
                "began": now.timestamp(),
                "hash": account.password[-16:],
                "must_change": account.must_change,
            }
        )
        target = given["next"]
        safe = url_has_allowed_host_and_scheme(target, allowed_hosts={request.get_host()})
        return redirect(target if target and safe else "/")
    return render(request, "airlock/login.html", {"form": form})


@require_POST
def log_out(request: HttpRequest) -> HttpResponse:
    request.session.flush()
    return redirect("/login/")


@access.logged_in
def password(request: HttpRequest) -> HttpResponse:
    form = PasswordForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        account = Account.objects.get(user=access.visitor(request).user)
        given = form.cleaned_data
        try:
            access.change_password(account, given["old"], given["new"], given["again"], clock.wall_now())
        except access.Refused as refusal:
            form.add_error(refusal.code.removeprefix("input:"), refusal.sentence)
            return render(request, "airlock/password.html", {"form": form}, status=refusal.status)
        request.session["must_change"] = False
        request.session["hash"] = account.password[-16:]
        return redirect("/")
    context = {"form": form, "must": request.session.get("must_change"), "title": "更换口令"}
    return render(request, "airlock/password.html", context)


@access.logged_in
def home(request: HttpRequest) -> HttpResponse:
    """What waits for this person, and nothing of what does not concern them."""
    visitor = access.visitor(request)
    grants, ceilings, lifts = waiting.grants(visitor), waiting.ceilings(visitor), waiting.lifts(visitor)
    context = {
        "title": "等您办理",
        "acts": {act: access.can(visitor, act) for act in access.ACTS},
        "intakes": waiting.intakes(visitor),
        "grants": grants,
        "ceilings": ceilings,
        "lifts": lifts,
        "asked": len(grants) + len(ceilings) + len(lifts),
        "samples": waiting.samples(visitor),
        "reviews": waiting.reviews(visitor),
    }
    return render(request, "airlock/home.html", context)
