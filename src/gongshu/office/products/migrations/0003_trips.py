"""熔断和解除熔断；以前收到的熔断回执补建。"""

from __future__ import annotations

from datetime import datetime
from typing import Any, ClassVar

import django.db.models.deletion
from django.db import migrations, models

import gongshu.office.products.models


def told_before(apps: Any, _editor: Any) -> None:
    trips, agreements = apps.get_model("products", "Trip"), apps.get_model("products", "Agreement")
    told = apps.get_model("link", "InboxMessage").objects.filter(
        kind="effect", envelope__body__code="tripped", handled__isnull=False
    )
    for message in told.order_by("pk"):
        body = message.envelope["body"]
        row = agreements.objects.filter(pk=body.get("contract") or "", zone_id=message.envelope["zone"]).first()
        if row is None:
            continue
        trips.objects.get_or_create(
            pk=body["stop"],
            defaults={
                "zone_id": row.zone_id,
                "agreement": row,
                "at": datetime.fromisoformat(body["at"]),
                "tries": body.get("tries") or 0,
                "seconds": body.get("seconds") or 0,
            },
        )


class Migration(migrations.Migration):
    dependencies: ClassVar = [
        ("accounts", "0001_initial"),
        ("link", "0003_inbox_tries"),
        ("products", "0002_signed_bodies"),
    ]

    operations: ClassVar = [
        migrations.CreateModel(
            name="Trip",
            fields=[
                (
                    "id",
                    models.CharField(
                        max_length=80, primary_key=True, serialize=False, verbose_name="熔断编号"
                    ),
                ),
                ("at", models.DateTimeField(verbose_name="停下的时间（自然时间）")),
                ("tries", models.PositiveIntegerField(default=0, verbose_name="第几次越权")),
                ("seconds", models.PositiveIntegerField(default=0, verbose_name="多少秒之内")),
                ("lifted", models.DateTimeField(null=True, verbose_name="恢复回答的时间（自然时间）")),
                (
                    "agreement",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="trips",
                        to="products.agreement",
                        verbose_name="使用协议",
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
                "verbose_name": "熔断",
                "indexes": [models.Index(fields=["agreement", "-at"], name="trip_of_agreement")],
            },
        ),
        migrations.CreateModel(
            name="Lift",
            fields=[
                (
                    "id",
                    models.CharField(
                        default=gongshu.office.products.models.lift_id,
                        editable=False,
                        max_length=40,
                        primary_key=True,
                        serialize=False,
                        verbose_name="编号",
                    ),
                ),
                ("body", models.JSONField(verbose_name="解除的内容")),
                ("digest", models.CharField(max_length=80, verbose_name="摘要")),
                ("reason", models.CharField(max_length=400, verbose_name="理由")),
                ("answers", models.JSONField(default=dict, verbose_name="答复")),
                (
                    "state",
                    models.CharField(
                        choices=[
                            ("asked", "待闸口确认"),
                            ("confirmed", "提供单位已同意"),
                            ("refused", "提供单位不同意"),
                        ],
                        default="asked",
                        max_length=20,
                        verbose_name="状态",
                    ),
                ),
                ("sent", models.PositiveBigIntegerField(null=True, verbose_name="通知流编号")),
                ("by", models.CharField(max_length=40, verbose_name="提出人")),
                ("at", models.DateTimeField(verbose_name="提出时间（业务时间）")),
                ("wall_at", models.DateTimeField(verbose_name="提出时间（自然时间）")),
                (
                    "trip",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="lifts",
                        to="products.trip",
                        verbose_name="熔断",
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
                "verbose_name": "解除熔断",
                "constraints": [
                    models.UniqueConstraint(
                        condition=models.Q(("state", "asked")), fields=("trip",), name="lift_asked_once"
                    )
                ],
            },
        ),
        migrations.RunPython(told_before, migrations.RunPython.noop),
    ]
