"""Login, activation and the person's own page."""

from __future__ import annotations

import pyotp
import segno
from django.conf import settings
from django.contrib import messages
from django.core import signing
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.safestring import mark_safe
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_POST

from gongshu.office.accounts import lawroles, login, queries, roles, services
from gongshu.office.accounts.access import actor_of, login_required
from gongshu.office.accounts.forms import ActivationForm, EnrolForm, LoginForm, PasswordForm
from gongshu.office.accounts.models import Account
from gongshu.office.accounts.permissions import Refused, permissions_of
from gongshu.office.accounts.zones import ZONES
from gongshu.office.link import clock

ENROL_SALT = "accounts.enrol"
ENROL_SECONDS = 1800


def address_of(request: HttpRequest) -> str:
    return str(request.META.get("REMOTE_ADDR", ""))[:45]


def after_login(request: HttpRequest) -> str:
    """Where to go: the page that asked for the login, else the start page. Never another site."""
    wanted = request.POST.get("next") or request.GET.get("next") or ""
    safe = url_has_allowed_host_and_scheme(wanted, allowed_hosts={request.get_host()}, require_https=False)
    return wanted if safe else "/"


@sensitive_post_parameters("password", "code")
def log_in(request: HttpRequest) -> HttpResponse:
    """`POST username, password, code[, next]`; 302 on success, 400 with one sentence otherwise."""
    form = LoginForm(request.POST or None)
    status = 200
    if request.method == "POST":
        status = 400
        if form.is_valid():
            try:
                account = login.authenticate(
                    form.cleaned_data["username"],
                    form.cleaned_data["password"],
                    form.cleaned_data["code"],
                    address_of(request),
                    clock.wall_now(),
                )
                login.start_session(request, account, clock.wall_now())
                return HttpResponseRedirect(after_login(request))
            except login.LoginRefused as refusal:
                form.add_error(None, refusal.sentence)
                status = 429 if refusal.code == "locked" else 400
    context = {"form": form, "next": request.POST.get("next") or request.GET.get("next", "")}
    return render(request, "accounts/login.html", context, status=status)


@require_POST
def log_out(request: HttpRequest) -> HttpResponse:
    request.session.flush()
    return redirect("accounts:login")


@sensitive_post_parameters("activation", "password", "code")
def activate(request: HttpRequest) -> HttpResponse:
    """First `POST username, activation`, then, with the secret shown, `POST token, password, again, code`."""
    if request.method != "POST":
        return render(request, "accounts/activate.html", {"form": ActivationForm(request.GET or None)})
    return _enrol(request) if "token" in request.POST else _begin_enrolment(request)


def _begin_enrolment(request: HttpRequest) -> HttpResponse:
    form = ActivationForm(request.POST)
    if form.is_valid():
        try:
            account = services.account_to_activate(
                form.cleaned_data["username"], form.cleaned_data["activation"], clock.wall_now()
            )
            secret = pyotp.random_base32()
            token = signing.dumps([account.pk, account.generation, secret], salt=ENROL_SALT)
            return _enrol_page(request, account, secret, EnrolForm(initial={"token": token}), 200)
        except (Refused, login.LoginRefused) as refusal:
            form.add_error(None, refusal.sentence)
    return render(request, "accounts/activate.html", {"form": form}, status=400)


def _enrol(request: HttpRequest) -> HttpResponse:
    form = EnrolForm(request.POST)
    try:
        pk, generation, secret = signing.loads(
            request.POST.get("token", ""), salt=ENROL_SALT, max_age=ENROL_SECONDS
        )
        account = Account.objects.select_related("person").get(pk=pk, generation=generation)
    except (signing.BadSignature, Account.DoesNotExist, ValueError, TypeError):
        fresh = ActivationForm()
        messages.error(request, "这一页已过期，请重新输入激活码。")
        return render(request, "accounts/activate.html", {"form": fresh}, status=400)
    if form.is_valid():
        try:
            services.activate(
                account=account,
                password=form.cleaned_data["password"],
                secret=secret,
                code=form.cleaned_data["code"],
            )
            messages.success(request, "账号已激活，请登录。")
            return redirect("accounts:login")
        except Refused as refusal:
            form.add_error({"password": "password", "totp": "code"}.get(refusal.code), refusal.sentence)
    return _enrol_page(request, account, secret, form, 400)


def _enrol_page(
    request: HttpRequest, account: Account, secret: str, form: EnrolForm, status: int
) -> HttpResponse:
    uri = login.provisioning_uri(account, secret)
    # segno 画的 SVG 只含我们自己的地址编码，没有用户输入的标记
    qr = mark_safe(segno.make(uri, error="m").svg_inline(scale=4, border=2))  # noqa: S308
    context = {"form": form, "secret": secret, "qr": qr, "account": account}
    return render(request, "accounts/enrol.html", context, status=status)


@login_required
@sensitive_post_parameters("old", "new")
def me(request: HttpRequest) -> HttpResponse:
    """The own page: roles with their paragraphs, and changing the password."""
    actor = actor_of(request)
    form = PasswordForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        try:
            account = services.change_password(
                actor=actor, old=form.cleaned_data["old"], new=form.cleaned_data["new"]
            )
            login.start_session(request, account, clock.wall_now())
            messages.success(request, "口令已修改，其他设备上的登录已全部退出。")
            return redirect("accounts:me")
        except Refused as refusal:
            form.add_error(None, refusal.sentence)
    held = [
        (
            ZONES[zone].title,
            role,
            lawroles.zone_title(role, zone),
            roles.role(role).paragraph,
            permissions_of(role),
        )
        for zone, each in sorted(actor.held.items())
        for role in sorted(each)
    ]
    context = {"title": "我的账号", "actor": actor, "form": form, "held": held, "zones": queries.zones(actor)}
    return render(request, "accounts/me.html", context, status=400 if form.errors else 200)


@require_POST
def choose_zone(request: HttpRequest) -> HttpResponse:
    """Choose the working zone; kept in a cookie, effective only where the account has roles."""
    answer = HttpResponseRedirect(after_login(request))
    zone = request.POST.get("zone", "")
    if zone in settings.SITE.zones:
        answer.set_cookie("gongshu_zone", zone, max_age=86400 * 90, httponly=True, samesite="Lax")
    return answer


def role_list(request: HttpRequest) -> HttpResponse:
    """Every role of the zone in words a regulator can read, with what it may do."""
    zone = actor_of(request).zone
    found = [
        {
            "role": each,
            "own": roles.role(each.id).paragraph,
            "officer": roles.role(each.id).officer,
            "permissions": permissions_of(each.id),
        }
        for each in lawroles.law_roles(zone).values()
    ]
    return render(request, "accounts/roles.html", {"title": "角色与职责", "roles": found})


def home_of(request: HttpRequest) -> str:
    return reverse("accounts:me") if not actor_of(request).anonymous else reverse("accounts:login")
