"""The line and the door: what came by the feed, what waits for the office, who may enter at the airlock."""

from __future__ import annotations

from django.db import models


class FeedState(models.Model):
    """The last feed number taken in a zone, and when the line was last heard (wall time)."""

    zone = models.CharField(max_length=20, primary_key=True)
    seq = models.BigIntegerField(default=0)
    heard = models.DateTimeField(null=True)


class FeedItem(models.Model):
    """A verified envelope of the office, as it came."""

    zone = models.CharField(max_length=20)
    seq = models.BigIntegerField()
    kind = models.CharField(max_length=20)
    envelope = models.JSONField()
    received = models.DateTimeField()
    handled = models.DateTimeField(null=True)
    problem = models.CharField(max_length=400, default="")

    class Meta:
        constraints = [models.UniqueConstraint(fields=["zone", "seq"], name="store_feed_once")]
        indexes = [
            models.Index(fields=["id"], name="store_feed_waiting", condition=models.Q(handled__isnull=True)),
        ]


class ClockOffset(models.Model):
    """Business time minus wall time in a zone; only in demo and test homes."""

    zone = models.CharField(max_length=20, primary_key=True)
    seconds = models.BigIntegerField(default=0)


class JournalEntry(models.Model):
    """The data domain's journal (source enclave or airlock), written in the transaction of the act.

    `source` is the role while the line has no number, then the journal's name in its incarnation.
    """

    source = models.CharField(max_length=40)
    number = models.BigIntegerField(null=True)
    fields = models.JSONField()
    chain = models.CharField(max_length=64, default="")
    posted = models.DateTimeField(null=True)
    included = models.DateTimeField(null=True, help_text="已核对收入存证日志的时间")
    written = models.DateTimeField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["source", "number"], name="domain_journal_once")]
        indexes = [
            models.Index(fields=["id"], name="journal_unposted", condition=models.Q(posted__isnull=True)),
        ]


class Outgoing(models.Model):
    """An envelope for the office's inbox, sent until it is acknowledged. Numbers count within the key.

    What the office refuses or leaves unanswered says so here: since when, how often, its code and sentence.
    Evidence stays unsent then and is tried again at `not_before`.
    """

    source = models.CharField(max_length=40)
    number = models.BigIntegerField(null=True, help_text="到了发出的时候才编号、签名")
    kind = models.CharField(max_length=20)
    envelope = models.JSONField()
    not_before = models.DateTimeField(help_text="运行结果只在整 10 秒发出；被拒的到这时再送")
    sent = models.DateTimeField(null=True)
    refused = models.DateTimeField(null=True, help_text="第一次被拒或没有回执的时间")
    tries = models.IntegerField(default=0, help_text="被拒或没有回执的次数")
    code = models.CharField(max_length=40, default="", help_text="办公域答复的代码")
    sentence = models.CharField(max_length=200, default="", help_text="办公域答复的原话")

    class Meta:
        constraints = [models.UniqueConstraint(fields=["source", "number"], name="outgoing_once")]
        indexes = [
            models.Index(
                fields=["not_before"], name="outgoing_waiting", condition=models.Q(sent__isnull=True)
            ),
            models.Index(
                fields=["refused"], name="outgoing_refused", condition=models.Q(refused__isnull=False)
            ),
        ]


class Account(models.Model):
    """An airlock account: only those of the trust list may log in; secrets are enrolled on this machine."""

    user = models.CharField(max_length=80, primary_key=True)
    person = models.CharField(max_length=80)
    password = models.CharField(max_length=200, default="")
    totp = models.CharField(max_length=64, default="")
    last_step = models.BigIntegerField(default=0, help_text="用过的动态口令步数，防重放")
    failures = models.IntegerField(default=0)
    locked_until = models.DateTimeField(null=True)
    enrolled = models.DateTimeField(null=True)
    must_change = models.BooleanField(default=False, help_text="一次性口令，首次登录后更换")
