"""Stops a receipt had made without saying what they are for: named by a later word, or no stop at all.

A withdrawn consent and a trip at the gateway are told in messages of the same kind; they were kept as stops
of everything.
"""

from __future__ import annotations

from typing import Any, ClassVar

from django.db import migrations

KEYS = ("scope", "target", "origin")


def name(apps: Any, _schema: Any) -> None:
    stops = apps.get_model("scenarios", "Stop")
    feed, inbox = apps.get_model("link", "FeedItem"), apps.get_model("link", "InboxMessage")
    grants = apps.get_model("scenarios", "Grant").objects.filter(state__in=("awaiting", "live"))
    for row in stops.objects.filter(scope=""):
        item = feed.objects.filter(kind="stop", subject=row.pk).first()
        told = inbox.objects.filter(kind="effect", envelope__body__stop=row.pk, envelope__body__has_key="scope")
        message = told.order_by("pk").first()
        if item is not None:
            body, row.made_at = {**item.envelope["body"], "origin": "office"}, item.published
        elif message is not None:
            body = message.envelope["body"]
        else:
            row.delete()
            continue
        row.scope, row.target, row.origin = (str(body.get(key) or "") for key in KEYS)
        row.reason = row.reason or str(body.get("reason") or "")
        row.save()
        field = {"grant": "pk", "project": "project_id"}.get(row.scope)
        if field:
            grants.filter(zone_id=row.zone_id, **{field: row.target}).update(state="stopped")
        elif row.scope == "all":
            grants.filter(zone_id=row.zone_id).update(state="stopped")


class Migration(migrations.Migration):
    dependencies: ClassVar = [("scenarios", "0001_initial"), ("link", "0003_inbox_tries")]

    operations: ClassVar = [migrations.RunPython(name, migrations.RunPython.noop)]
