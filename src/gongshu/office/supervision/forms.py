"""Forms of this app. Field names are stable: scripts fill them in too."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django import forms

from gongshu.office.accounts.actors import Actor
from gongshu.office.accounts.lawroles import zone_title
from gongshu.office.accounts.queries import organisations
from gongshu.office.cases import lawbook
from gongshu.office.link import clock
from gongshu.office.link.effects import SCOPES
from gongshu.office.supervision import services
from gongshu.ui.widgets import DatalistInput, DateInput


class DrawForm(forms.Form):
    """The seed is the auditor's own; the days close the population."""

    seed = forms.CharField(
        label="种子",
        max_length=200,
        help_text="自己选的一行文字，例如当天的开奖号码；同样的种子和范围，谁抽都一样。",
    )
    since = forms.DateField(
        label="立案自", required=False, widget=DateInput(), help_text="不填的，从最早算起。"
    )
    until = forms.DateField(label="立案至", widget=DateInput(), help_text="要早于今天，总体才定得下来。")
    procedure = forms.ChoiceField(label="程序", required=False)
    wanted = forms.IntegerField(
        label="抽取件数", min_value=1, max_value=services.LARGEST, initial=services.DEFAULT_SIZE
    )

    def __init__(self, actor: Actor, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        today = clock.business_today()
        titles = sorted(lawbook.titles(actor.zone, today).items(), key=lambda each: each[1])
        self.fields["procedure"].choices = [("", "全部程序"), *titles]
        self.fields["until"].initial = today - timedelta(days=1)


class CorrectionForm(forms.Form):
    """To whom and about what; the findings are written in the first act of the case."""

    procedure = forms.ChoiceField(label="办理的程序")
    addressee = forms.ChoiceField(label="被监督单位")
    role = forms.ChoiceField(label="以什么身份", help_text="登记机构监管选“登记机构”。")
    title = forms.CharField(label="事项", max_length=200, help_text="一句话写明为什么事整改；不写个人信息。")

    def __init__(self, actor: Actor, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        titles = lawbook.titles(actor.zone, clock.business_today())
        self.fields["procedure"].choices = [
            (each, titles[each]) for each in services.PROCEDURES if each in titles
        ]
        homes = organisations(actor).filter(zone_id=actor.zone, active=True).order_by("name")
        self.fields["addressee"].choices = [("", "请选择"), *homes.values_list("pk", "name")]
        roles = [each for known in services.ADDRESSEES.values() for each in known]
        self.fields["role"].choices = [
            ("", "请选择"),
            *((each, zone_title(each, actor.zone)) for each in roles),
        ]


class StopForm(forms.Form):
    """A supervisor's stop: one key is enough."""

    scope = forms.ChoiceField(label="停止的范围", choices=tuple(SCOPES.items()))
    target = forms.CharField(
        label="停止哪一个",
        max_length=80,
        required=False,
        widget=DatalistInput(),
        help_text="从列表里选，或者填编号；停止全部的，不填。",
    )
    reason = forms.CharField(label="理由", max_length=400)

    def __init__(self, actor: Actor, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["target"].widget.offered = services.stoppable(actor)
