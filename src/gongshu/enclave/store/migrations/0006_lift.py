"""Requests that a tripped contract go on, for the providers to confirm."""

from __future__ import annotations

from typing import ClassVar

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies: ClassVar = [("store", "0005_projects")]

    operations: ClassVar = [
        migrations.CreateModel(
            name="Lift",
            fields=[
                ("id", models.CharField(max_length=80, primary_key=True, serialize=False)),
                ("zone", models.CharField(max_length=20)),
                ("product", models.CharField(max_length=80)),
                ("body", models.JSONField()),
                ("asked", models.JSONField(default=dict)),
                ("digest", models.CharField(max_length=80)),
                (
                    "state",
                    models.CharField(
                        choices=[
                            ("awaiting", "待提供单位确认"),
                            ("live", "已同意解除"),
                            ("refused", "不同意"),
                        ],
                        default="awaiting",
                        max_length=20,
                    ),
                ),
                ("sentence", models.CharField(default="", max_length=400)),
                ("received", models.DateTimeField()),
            ],
        ),
        migrations.AlterField(
            model_name="confirmation",
            name="subject",
            field=models.CharField(help_text="授权、上限或解除熔断的编号", max_length=80),
        ),
    ]
