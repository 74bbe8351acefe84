"""使用协议保存签署时的正文；终止运营。已送往通知流的协议，正文取自通知流；签了还没有送的，要按新的写法重签。"""

from typing import Any

import django.db.models.deletion
from django.db import migrations, models

import gongshu.office.products.models


def keep_sent(apps: Any, _editor: Any) -> None:
    agreements, items = apps.get_model("products", "Agreement"), apps.get_model("link", "FeedItem")
    for row in agreements.objects.exclude(signatures={}):
        found = items.objects.filter(subject=row.pk, kind__in=("contract", "credential"))
        row.signed = {each.kind: each.envelope["body"] for each in found} if row.sent else {}
        if not row.signed:
            row.signatures, row.signed_at = {}, None
        row.save(update_fields=["signed", "signatures", "signed_at"])


class Migration(migrations.Migration):
    dependencies = [
        ("accounts", "0001_initial"),
        ("link", "0002_cosignature_kept"),
        ("products", "0001_initial"),
    ]

    operations = [
        migrations.AddField(
            model_name="agreement",
            name="signed",
            field=models.JSONField(default=dict, verbose_name="签署的正文"),
        ),
        migrations.CreateModel(
            name="Ending",
            fields=[
                (
                    "id",
                    models.CharField(
                        default=gongshu.office.products.models.ending_id,
                        editable=False,
                        max_length=24,
                        primary_key=True,
                        serialize=False,
                        verbose_name="编号",
                    ),
                ),
                ("reason", models.CharField(max_length=400, verbose_name="理由")),
                ("items", models.JSONField(default=list, verbose_name="一并停止的")),
                ("by", models.CharField(max_length=40, verbose_name="作出人")),
                ("at", models.DateTimeField(verbose_name="作出时间（业务时间）")),
                ("wall_at", models.DateTimeField(verbose_name="作出时间（自然时间）")),
                (
                    "organisation",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="accounts.organisation",
                        verbose_name="运营机构",
                    ),
                ),
                (
                    "zone",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="accounts.zone",
                        verbose_name="专区",
                    ),
                ),
            ],
            options={
                "verbose_name": "终止运营",
                "constraints": [
                    models.UniqueConstraint(fields=("zone", "organisation"), name="operation_ended_once")
                ],
            },
        ),
        migrations.RunPython(keep_sent, migrations.RunPython.noop),
    ]
