"""What people fill in at the airlock; what was typed stays when something is wrong."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from django import forms
from django.conf import settings
from django.core.exceptions import ValidationError

from gongshu.airlock import words
from gongshu.enclave.intake import Decision, Field, FieldDecision, IntakeError, Proposal
from gongshu.enclave.intake.proposal import check_table
from gongshu.recognise.types import TYPES
from gongshu.ui.widgets import DatalistInput

STOPPABLE = ("grant", "project", "product", "all")
ENDINGS = (".csv", ".gz", ".parquet", ".xlsx", ".xlsm", ".xls", ".ods", ".txt", ".tsv")
PARTS = ("keep", "name", "type", "grade", "reason")
# 逐字段确认的表里，各种控件用哪个样式
LOOKS = {
    "keep": "form-check-input",
    "type": "form-select form-select-sm",
    "grade": "form-select form-select-sm",
}


class LoginForm(forms.Form):
    use_required_attribute = False

    username = forms.CharField(label="账号", max_length=80, error_messages={"required": "请填写账号。"})
    password = forms.CharField(
        label="口令", widget=forms.PasswordInput, error_messages={"required": "请填写口令。"}
    )
    code = forms.CharField(
        label="动态口令",
        max_length=10,
        help_text="身份验证器上的 6 位数字",
        widget=forms.TextInput(attrs={"inputmode": "numeric", "autocomplete": "one-time-code"}),
        error_messages={"required": "请填写动态口令。"},
    )
    next = forms.CharField(required=False, widget=forms.HiddenInput)


class PasswordForm(forms.Form):
    use_required_attribute = False

    old = forms.CharField(label="原口令", widget=forms.PasswordInput)
    new = forms.CharField(
        label="新口令", widget=forms.PasswordInput, help_text="至少 12 个字符，不能全是数字"
    )
    again = forms.CharField(label="再输一次", widget=forms.PasswordInput)


class HandInForm(forms.Form):
    """A file and what it is. The file is streamed to the data domain's own disk, never held in memory."""

    zone = forms.ChoiceField(label="专区")
    resource = forms.RegexField(
        r"[A-Za-z0-9][A-Za-z0-9._:-]{0,79}\Z",
        label="资源编号",
        widget=DatalistInput(),
        help_text="办公域目录中该资源的编号；从目录的资源页点“在闸口交入”会自动带来，交入过的可以从列表里选",
        error_messages={"invalid": "资源编号只用字母、数字和 . _ : - 。", "required": "请填写资源编号。"},
    )
    title = forms.CharField(label="资源名称", max_length=200, error_messages={"required": "请填写资源名称。"})
    table = forms.CharField(
        label="表名",
        max_length=63,
        help_text="开发人员在查询中使用的名字：字母、汉字、数字和下划线",
        error_messages={"required": "请填写表名。"},
    )
    header = forms.BooleanField(
        label="第一行是字段名", required=False, initial=True, help_text="不是时，字段名在确认页逐个给出"
    )
    file = forms.FileField(
        label="文件",
        help_text="CSV（可用 gzip 压缩）、Parquet 或 Excel，不超过 4 GB",
        error_messages={"required": "请选择文件。", "empty": "文件是空的，请重新选择。"},
    )

    def __init__(
        self,
        *args: Any,
        zones: tuple[str, ...] = (),
        offered: Sequence[tuple[str, str]] = (),
        **kwargs: Any,
    ) -> None:
        super().__init__(*args, **kwargs)
        self.fields["zone"].choices = words.zone_choices(zones)
        self.fields["resource"].widget.offered = tuple(offered)

    def clean_table(self) -> str:
        name: str = self.cleaned_data["table"].strip()
        try:
            check_table(name)
        except IntakeError as error:
            raise ValidationError(error.sentence) from error
        return name

    def clean_file(self) -> Any:
        file = self.cleaned_data["file"]
        if file.size > settings.LARGEST_UPLOAD:
            raise ValidationError("文件超过 4 GB，请分批入库。")
        if Path(file.name).suffix.lower() not in ENDINGS:
            raise ValidationError("只接收 CSV（.csv、.csv.gz）、Parquet 和 Excel 文件。")
        return file


class DecisionForm(forms.Form):
    """The provider's word on every field of a proposal, and on who stands behind a row."""

    use_required_attribute = False

    def __init__(self, proposal: Proposal, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.proposal = proposal
        self.rows = []
        for number, field in enumerate(proposal.fields):
            self._add(number, field)
        names = [("", "没有：背后不是个人或单位")]
        names += [(str(n), field.name) for n, field in enumerate(proposal.fields)]
        places = {field.name: str(n) for n, field in enumerate(proposal.fields)}
        self.fields["subject"] = forms.ChoiceField(
            label="每行说的是谁",
            choices=names,
            required=False,
            initial=places.get(proposal.subject or "", ""),
            help_text="指向个人或单位的字段；检验时按它数人数",
        )

    def _add(self, number: int, field: Field) -> None:
        def bound(name: str, made: forms.Field) -> None:
            look = LOOKS.get(name, "form-control form-control-sm")
            made.widget.attrs |= {"class": look, "aria-label": f"{field.name} 的{made.label}"}
            self.fields[f"{name}-{number}"] = made

        bound("keep", forms.BooleanField(label="入库", required=False, initial=True))
        bound("name", forms.CharField(label="字段名", max_length=63, initial=field.name, strip=True))
        bound(
            "type",
            forms.ChoiceField(
                label="类型",
                choices=[(one, words.TYPES.get(one, one)) for one in dict.fromkeys((field.type, *TYPES))],
                initial=field.type,
            ),
        )
        bound(
            "grade",
            forms.ChoiceField(label="等级", choices=list(words.GRADES.items()), initial=field.grade),
        )
        bound(
            "reason",
            forms.CharField(
                label="降级理由",
                max_length=200,
                required=False,
                widget=forms.TextInput(attrs={"placeholder": f"低于 {field.grade} 时写明理由"}),
            ),
        )
        self.rows.append({"number": number, "field": field})

    def cells(self) -> list[dict[str, Any]]:
        """One row a field, for the page."""
        return [
            {
                "field": row["field"],
                "defects": [
                    (words.DEFECTS.get(code, code), count)
                    for code, count in row["field"].defects.items()
                    if count
                ],
                "bound": [self[f"{name}-{row['number']}"] for name in PARTS],
                **{name: self[f"{name}-{row['number']}"] for name in PARTS},
            }
            for row in self.rows
        ]

    def decision(self) -> Decision:
        """The decision as the intake takes it."""
        made = []
        for number, field in enumerate(self.proposal.fields):
            given = {
                name: self.cleaned_data[f"{name}-{number}"] for name in ("keep", "type", "grade", "reason")
            }
            made.append(FieldDecision(field.name, self.cleaned_data[f"name-{number}"], **given))
        place = self.cleaned_data.get("subject") or ""
        subject = made[int(place)].name if place.isdigit() and int(place) < len(made) else None
        return Decision(tuple(made), subject)


class AnswerForm(forms.Form):
    """Confirm or refuse; a refusal says why."""

    use_required_attribute = False

    answer = forms.ChoiceField(
        label="答复",
        choices=[("confirmed", "确认"), ("refused", "不同意")],
        widget=forms.RadioSelect,
        error_messages={"required": "请选择确认或不同意。"},
    )
    reason = forms.CharField(
        label="理由",
        required=False,
        max_length=400,
        widget=forms.Textarea(attrs={"rows": 3}),
        help_text="不同意时必须写明",
    )

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or {}
        if cleaned.get("answer") == "refused" and not cleaned.get("reason", "").strip():
            self.add_error("reason", "不同意时请写明理由。")
        return cleaned

    @property
    def agreed(self) -> bool:
        return bool(self.cleaned_data["answer"] == "confirmed")


class VoteForm(AnswerForm):
    answer = forms.ChoiceField(
        label="意见",
        choices=[("confirmed", "同意出域"), ("refused", "不同意")],
        widget=forms.RadioSelect,
        error_messages={"required": "请选择同意或不同意。"},
    )


class StopForm(forms.Form):
    """What to stop at once."""

    use_required_attribute = False

    zone = forms.ChoiceField(label="专区")
    scope = forms.ChoiceField(label="停止什么", choices=[(code, words.SCOPES[code]) for code in STOPPABLE])
    target = forms.CharField(
        label="停止哪一个",
        max_length=80,
        required=False,
        widget=DatalistInput(),
        help_text="从列表里选，或者填授权、项目、产品的编号；停止全部时不用填",
    )
    reason = forms.CharField(label="理由", max_length=200, error_messages={"required": "请写明停止的理由。"})

    def __init__(
        self,
        *args: Any,
        zones: tuple[str, ...] = (),
        offered: Sequence[tuple[str, str]] = (),
        **kwargs: Any,
    ) -> None:
        super().__init__(*args, **kwargs)
        self.fields["zone"].choices = words.zone_choices(zones)
        self.fields["target"].widget.offered = tuple(offered)

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or {}
        if cleaned.get("scope") != "all" and not cleaned.get("target", "").strip():
            self.add_error("target", "请填写要停止的授权、项目或产品的编号。")
        return cleaned
