"""双方签署使用协议。已送往通知流的，原来的签名记在使用单位名下；签了还没有送的，正文里没有运营机构的公钥，要重签。"""

from __future__ import annotations

from typing import Any, ClassVar

import django.db.models.deletion
from django.db import migrations, models


def by_side(apps: Any, _editor: Any) -> None:
    agreements = apps.get_model("products", "Agreement")
    for row in agreements.objects.exclude(signatures={}):
        if row.sent:
            at = row.signed_at or row.saved_at
            row.signatures = {"buyer": {"by": "", "at": at.isoformat(), **row.signatures}}
        else:
            row.signatures, row.signed, row.signed_at = {}, {}, None
        row.save(update_fields=["signed", "signatures", "signed_at"])


class Migration(migrations.Migration):
    dependencies: ClassVar = [("accounts", "0001_initial"), ("products", "0003_trips")]

    operations: ClassVar = [
        migrations.AlterModelOptions(name="buyerkey", options={"verbose_name": "签署协议的公钥"}),
        migrations.AlterField(
            model_name="buyerkey",
            name="organisation",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.PROTECT,
                related_name="+",
                to="accounts.organisation",
                verbose_name="提交的机构",
            ),
        ),
        migrations.AlterField(
            model_name="agreement",
            name="signatures",
            field=models.JSONField(default=dict, verbose_name="双方的签名"),
        ),
        migrations.RunPython(by_side, migrations.RunPython.noop),
    ]
