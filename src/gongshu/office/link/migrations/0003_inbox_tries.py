"""A message that fails waits longer each time, so that it does not hold up the newer ones."""

from __future__ import annotations

from typing import ClassVar

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies: ClassVar = [("link", "0002_cosignature_kept")]

    operations: ClassVar = [
        migrations.AddField(
            model_name="inboxmessage",
            name="tries",
            field=models.PositiveIntegerField(default=0, help_text="没有办成的次数"),
        ),
        migrations.AddField(
            model_name="inboxmessage",
            name="again",
            field=models.DateTimeField(help_text="不早于何时再办（自然时间）", null=True),
        ),
    ]
