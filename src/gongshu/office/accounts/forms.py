"""Forms of login and administration. Field names are stable: scripts fill them in too."""

from __future__ import annotations

from typing import Any

from django import forms

from gongshu.office.accounts import granting, queries, uscc
from gongshu.office.accounts.actors import Actor
from gongshu.office.accounts.models import Affiliation, Organisation, Person
from gongshu.ui.widgets import DateInput


class LoginForm(forms.Form):
    username = forms.CharField(
        label="用户名",
        max_length=40,
        widget=forms.TextInput(attrs={"autocomplete": "username", "autofocus": True}),
    )
    password = forms.CharField(
        label="口令", strip=False, widget=forms.PasswordInput(attrs={"autocomplete": "current-password"})
    )
    code = forms.CharField(
        label="动态口令",
        max_length=10,
        help_text="验证器里现在的 6 位数字",
        widget=forms.TextInput(attrs={"autocomplete": "one-time-code", "inputmode": "numeric"}),
    )


class ActivationForm(forms.Form):
    username = forms.CharField(label="用户名", max_length=40)
    activation = forms.CharField(
        label="激活码", max_length=40, help_text="系统管理员给您的一次性激活码，7 天内有效"
    )


class EnrolForm(forms.Form):
    token = forms.CharField(widget=forms.HiddenInput)
    password = forms.CharField(
        label="新口令",
        strip=False,
        help_text="至少 10 位，大写、小写、数字、符号中至少三种",
        widget=forms.PasswordInput(attrs={"autocomplete": "new-password"}),
    )
    again = forms.CharField(
        label="再输一次", strip=False, widget=forms.PasswordInput(attrs={"autocomplete": "new-password"})
    )
    code = forms.CharField(
        label="动态口令",
        max_length=10,
        help_text="扫描二维码后验证器显示的 6 位数字",
        widget=forms.TextInput(attrs={"inputmode": "numeric"}),
    )

    def clean_again(self) -> str:
        again: str = self.cleaned_data["again"]
        if self.cleaned_data.get("password") != again:
            raise forms.ValidationError("两次输入的口令不一样。")
        return again


class PasswordForm(forms.Form):
    old = forms.CharField(
        label="原口令", strip=False, widget=forms.PasswordInput(attrs={"autocomplete": "current-password"})
    )
    new = forms.CharField(
        label="新口令", strip=False, widget=forms.PasswordInput(attrs={"autocomplete": "new-password"})
    )


class ZonedForm(forms.Form):
    """A form whose choices are what the actor may see."""

    def __init__(self, actor: Actor, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.actor = actor
        self.prepare()

    def prepare(self) -> None:
        return None


class OrganisationForm(ZonedForm):
    zone = forms.ChoiceField(label="专区")
    name = forms.CharField(label="机构名称", max_length=120, help_text="与登记证书一致的全称")
    code = forms.CharField(label="统一社会信用代码", max_length=30, help_text="18 位，校验码必须正确")
    kind = forms.ChoiceField(label="机构类型", choices=Organisation.KINDS)

    def prepare(self) -> None:
        self.fields["zone"].choices = queries.zones(self.actor)
        self.fields["zone"].initial = self.actor.zone

    def clean_code(self) -> str:
        return uscc.normal(self.cleaned_data["code"])


class PersonForm(ZonedForm):
    organisation = forms.ModelChoiceField(
        label="所在机构", queryset=Organisation.objects.none(), empty_label="请选择"
    )
    name = forms.CharField(label="姓名", max_length=60, help_text="真实姓名")
    username = forms.CharField(
        label="用户名", max_length=40, help_text="2 到 40 个字：文字、数字、点、横线、下划线"
    )

    def prepare(self) -> None:
        self.fields["organisation"].queryset = (
            queries.organisations(self.actor).filter(active=True).order_by("name")
        )


class GrantForm(ZonedForm):
    person = forms.ModelChoiceField(label="人员", queryset=Person.objects.none(), empty_label="请选择")
    zone = forms.ChoiceField(label="专区")
    role = forms.ChoiceField(label="角色")
    since = forms.DateField(label="起", widget=DateInput())
    until = forms.DateField(
        label="止", required=False, widget=DateInput(), help_text="最后有效日；空着表示不设期限"
    )

    def prepare(self) -> None:
        self.fields["person"].queryset = queries.people(self.actor).filter(active=True).order_by("name")
        self.fields["person"].label_from_instance = lambda each: (
            f"{each.name}（{each.organisation.name}，{each.account.username}）"
        )
        zones = queries.zones(self.actor)
        self.fields["zone"].choices = zones
        self.fields["zone"].initial = self.actor.zone
        titles: dict[str, str] = {}
        for zone, _ in zones:
            for role, title in granting.grantable(zone):
                titles.setdefault(role, title)
        titles |= dict(granting.grantable(self.actor.zone))
        self.fields["role"].choices = sorted(titles.items(), key=lambda each: each[1])


class AffiliationForm(ZonedForm):
    one = forms.ModelChoiceField(label="机构", queryset=Organisation.objects.none(), empty_label="请选择")
    other = forms.ModelChoiceField(
        label="关联机构", queryset=Organisation.objects.none(), empty_label="请选择"
    )
    kind = forms.ChoiceField(label="关联方式", choices=Affiliation.KINDS)
    since = forms.DateField(label="起", widget=DateInput())
    until = forms.DateField(label="止", required=False, widget=DateInput(), help_text="空着表示至今")

    def prepare(self) -> None:
        for name in ("one", "other"):
            self.fields[name].queryset = queries.organisations(self.actor).order_by("name")
