"""What the enclave does all day. One thread polls and posts, another computes: stops are heard in a run."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Mapping
from datetime import datetime

from django.conf import settings
from django.db import close_old_connections

from gongshu.enclave import (
    clock,
    consume,
    deletions,
    handin,
    journal,
    posting,
    release,
    serve,
    sources,
    stops,
    tasks,
    trust,
    witness,
)
from gongshu.enclave.project import build, supply
from gongshu.enclave.sample import work as samples
from gongshu.enclave.store.models import Task
from gongshu.wire import hold
from gongshu.wire.duties import Duty, repeat, stop_on_signals
from gongshu.wire.errors import WireError
from gongshu.wire.feed import FeedClient

log = logging.getLogger(__name__)
# What this version can compute; the other kinds of the feed end as failed, with the reason kept here.
COMPUTE: Mapping[str, Callable[[Task, datetime], object]] = {
    "run": tasks.run,
    "release": release.request,
    "sample": samples.request,
    "build": build.request,
    "drop": build.drop,
    **supply.COMPUTE,
}


# When this process found that nothing holds the data domain any more; a restore needs it to end first.
CAUGHT_UP: list[datetime] = []


def poll(clients: Mapping[str, FeedClient], now: datetime) -> None:
    """Take what is new on every zone's feed. A cut line is silence; a broken one is an alarm; neither holds
    up another zone."""
    for zone, client in clients.items():
        try:
            client.poll(lambda item: consume.take(item, now))
        except WireError as error:
            log.log(logging.DEBUG if error.code == "line" else logging.ERROR, "feed of %s: %s", zone, error)
        except Exception:  # one zone's trouble must not keep another's stops waiting
            log.exception("feed of %s", zone)


def stands(now: datetime) -> str:
    """Why nothing may be done after a restore, '' otherwise: only the feed is read until it is caught up."""
    if CAUGHT_UP or not (settings.SITE.config / hold.HOLD).exists():
        return ""
    places = {zone: consume.DatabaseState().get(zone) for zone in settings.SITE.zones}
    sentence = hold.missing(settings.SITE, trust.current(now), places, now)
    if not sentence:
        CAUGHT_UP.append(now)
    return sentence


def unless_held(duty: Callable[[datetime], object]) -> Callable[[datetime], object]:
    """The duty, done only while nothing holds the data domain still."""
    return lambda now: None if stands(now) else duty(now)


def unless_unsigned(duty: Callable[[datetime], object]) -> Callable[[datetime], object]:
    """The duty, not done before both administrators signed a restore: what it numbers is new from then on."""
    return lambda now: None if stands(now) == hold.WAITING else duty(now)


def write_serving(now: datetime) -> None:
    """Renew the data domain's word to the gateway in every zone."""
    for zone in settings.SITE.zones:
        serve.renew_state(zone, now)


def compute(stop: threading.Event) -> None:
    """Tasks one after another, until `stop`."""
    while not stop.is_set():
        close_old_connections()
        task = None
        try:
            task = None if stands(clock.wall_now()) else tasks.begin(clock.wall_now())
            if task is None:
                stop.wait(0.2)
            elif task.state == "running" and task.kind in COMPUTE:
                COMPUTE[task.kind](task, clock.wall_now())
            elif task.state == "running":
                tasks.end(task, "failed", clock.wall_now(), "这类任务由后续版本提供。")
        except Exception as error:
            log.exception("task failed")
            failed(task, error)
            stop.wait(1.0)


def failed(task: Task | None, error: Exception) -> None:
    """End a task whose work raised: one left running makes all others wait until the next start."""
    try:
        left = Task.objects.filter(pk=task.pk, state="running").first() if task is not None else None
        if left is not None:
            tasks.end(left, "failed", clock.wall_now(), f"{type(error).__name__}: {error}")
    except Exception:  # the database is away: `recover` ends it at the next start
        log.exception("task %s could not be ended", task and task.pk)


def run() -> int:
    """Mend what a crash left, then work until told to stop."""
    sources.vault().sweep()
    handin.drafts().sweep()
    deletions.sweep(clock.wall_now())
    handin.sweep(clock.wall_now())
    supply.sweep(clock.wall_now())
    tasks.recover(clock.wall_now())
    stops.CANCEL.append(tasks.cancel)
    clients = consume.clients()
    stop = stop_on_signals()
    worker = threading.Thread(target=compute, args=(stop,), name="compute", daemon=True)
    worker.start()
    duties = [
        Duty("poll", 0.5, lambda now: poll(clients, now)),
        Duty("release", 0.5, unless_held(release.step)),
        Duty("sample", 0.5, unless_held(samples.step)),
        Duty("supply", 2.0, unless_held(supply.step)),
        Duty("journal", 0.5, unless_unsigned(journal.step)),
        Duty("lay", 30.0, unless_held(serve.mend)),
        Duty("post", 0.5, posting.post),
    ]
    # Apart from the line: an office that never answers must not keep a stop from reaching gateway and runs.
    word = [Duty("serve", 1.0, unless_held(write_serving)), Duty("halt", 0.5, tasks.halt)]
    # The witness reads the log from the office, so it too stands apart from the feed.
    watch = [Duty("witness", 1.0, unless_unsigned(witness.step))]
    for name, own in (("serve", word), ("witness", watch)):
        threading.Thread(
            target=repeat, args=(stop, own, close_old_connections), name=name, daemon=True
        ).start()
    repeat(stop, duties, close_old_connections)
    return 0
