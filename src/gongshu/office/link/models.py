"""Rows of the line between the domains: what is published, what came in, what is yet to be logged."""

from __future__ import annotations

from django.db import models


class OutboxEntry(models.Model):
    """One line of the office's journal, written in the transaction of the act it proves.

    `number` (the sequence within the source), `chain` and `index` (the place in the log) are given
    later by the sequencer; the row itself is the acknowledgement.
    """

    fields = models.JSONField(help_text="存证条目，尚无序号")
    written = models.DateTimeField(help_text="写入时间（自然时间）")
    number = models.BigIntegerField(null=True, unique=True, help_text="本来源内的序号")
    chain = models.CharField(max_length=64, default="", help_text="到本条为止的散列链")
    index = models.BigIntegerField(null=True, help_text="在存证日志中的位置")

    class Meta:
        indexes = [
            models.Index(fields=["id"], name="outbox_waiting", condition=models.Q(number__isnull=True)),
        ]


class JournalLine(models.Model):
    """One line of another domain's journal, as it came by the inbox."""

    source = models.CharField(max_length=40)
    number = models.BigIntegerField()
    fields = models.JSONField()
    index = models.BigIntegerField(null=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["source", "number"], name="journal_line_once")]
        indexes = [
            models.Index(
                fields=["source", "number"], name="journal_waiting", condition=models.Q(index__isnull=True)
            ),
        ]


class FeedHead(models.Model):
    """The last number given out in a zone; the row is locked while an item is published."""

    zone = models.CharField(max_length=20, primary_key=True)
    seq = models.BigIntegerField(default=0)


class FeedItem(models.Model):
    """A published envelope. Never changed, never removed."""

    zone = models.CharField(max_length=20)
    seq = models.BigIntegerField()
    kind = models.CharField(max_length=20)
    subject = models.CharField(max_length=80, default="")
    envelope = models.JSONField()
    published = models.DateTimeField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["zone", "seq"], name="feed_number_once")]
        indexes = [models.Index(fields=["kind", "subject"], name="feed_kind_subject")]


class InboxMessage(models.Model):
    """A verified envelope of the data domain or a gateway, kept before it is acted on."""

    source = models.CharField(max_length=80, help_text="发件方钥匙")
    number = models.BigIntegerField()
    kind = models.CharField(max_length=20)
    envelope = models.JSONField()
    received = models.DateTimeField()
    handled = models.DateTimeField(null=True)
    problem = models.CharField(max_length=400, default="")
    tries = models.PositiveIntegerField(default=0, help_text="没有办成的次数")
    again = models.DateTimeField(null=True, help_text="不早于何时再办（自然时间）")

    class Meta:
        constraints = [models.UniqueConstraint(fields=["source", "number"], name="inbox_number_once")]
        indexes = [
            models.Index(fields=["id"], name="inbox_waiting", condition=models.Q(handled__isnull=True)),
        ]


class ClockOffset(models.Model):
    """Business time = wall time + the newest offset. Only in demo and test homes."""

    seconds = models.BigIntegerField()
    published = models.DateTimeField()


class Cosignature(models.Model):
    """A witness's signature under a checkpoint."""

    size = models.BigIntegerField()
    witness = models.CharField(max_length=80)
    line = models.TextField()
    received = models.DateTimeField()
    kept = models.BooleanField(default=False, help_text="已放到存证日志旁")

    class Meta:
        constraints = [models.UniqueConstraint(fields=["size", "witness"], name="cosignature_once")]
