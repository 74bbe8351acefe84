"""Pages of the line: the trust list and, in demo and test homes, the clock."""

from __future__ import annotations

import json
from datetime import datetime, time
from typing import Any

from django import forms
from django.conf import settings
from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render

from gongshu.office.accounts import line
from gongshu.office.accounts.access import actor_of, needs
from gongshu.office.accounts.permissions import Refused
from gongshu.office.accounts.zones import ZONES
from gongshu.office.link import clock, trust
from gongshu.ui.widgets import DateInput
from gongshu.wire.errors import WireError

LARGEST = 4 * 1024 * 1024


class TrustForm(forms.Form):
    document = forms.FileField(
        label="签好的信任名单",
        help_text="gongshu trust sign 写出的 JSON 文件，须有两名数据域安全管理员的签名",
        error_messages={"required": "请选择名单文件。", "empty": "文件是空的。"},
    )

    def clean_document(self) -> dict[str, Any]:
        file = self.cleaned_data["document"]
        if file.size > LARGEST:
            raise forms.ValidationError("名单超过 4 MB，请核对是不是选错了文件。")
        try:
            found = json.loads(file.read())
        except ValueError as error:
            raise forms.ValidationError("文件不是合格的 JSON，请核对是不是选错了文件。") from error
        if not isinstance(found, dict):
            raise forms.ValidationError("文件不是信任名单。")
        return found


@needs("accounts.trust")
def trust_list(request: HttpRequest) -> HttpResponse:
    """`POST document` publishes a newer list."""
    form = TrustForm(request.POST or None, request.FILES or None)
    if request.method == "POST" and form.is_valid():
        try:
            taken = line.publish_trust(
                actor=actor_of(request), now=clock.wall_now(), document=form.cleaned_data["document"]
            )
        except Refused as refusal:
            form.add_error("document", refusal.sentence)
        else:
            messages.success(request, f"第 {taken.number} 号信任名单已发布，各域在一秒内收到。")
            return redirect("accounts:trust")
    try:
        current = trust.current(clock.wall_now())
    except WireError as error:
        current, sentence = None, error.sentence
    else:
        sentence = ""
    zones = [ZONES[each].title if each in ZONES else each for each in current.zones] if current else []
    context = {"title": "信任名单", "form": form, "current": current, "zones": zones, "sentence": sentence}
    return render(request, "accounts/trust.html", context, status=400 if form.errors else 200)


class ClockForm(forms.Form):
    day = forms.DateField(label="移到哪一天", widget=DateInput(), help_text="只能向前移动")
    hour = forms.IntegerField(label="几点", min_value=0, max_value=23, initial=9)


@needs("accounts.clock")
def clock_page(request: HttpRequest) -> HttpResponse:
    """`POST day, hour` moves business time; there is no such page in a production home."""
    if settings.SITE.mark not in clock.MOVABLE:
        raise Http404
    form = ClockForm(request.POST or None, initial={"day": clock.business_today(), "hour": 9})
    if request.method == "POST" and form.is_valid():
        target = datetime.combine(form.cleaned_data["day"], time(form.cleaned_data["hour"]), clock.SHANGHAI)
        try:
            line.move_clock(actor=actor_of(request), now=clock.wall_now(), target=target)
        except Refused as refusal:
            form.add_error("day", refusal.sentence)
        else:
            messages.success(request, f"业务时间已移到 {target:%Y-%m-%d %H:%M}。")
            return redirect("accounts:clock")
    context = {"title": "演示时钟", "form": form, "now": clock.business_now()}
    return render(request, "accounts/clock.html", context, status=400 if form.errors else 200)
