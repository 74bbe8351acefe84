"""Rate and trip in wall time: a token bucket, and the count of over-scope tries 越权 that trips a stop 熔断.

Both are told the time (seconds of a monotonic clock) and keep only numbers; the gateway has one of each a
contract. After a restart the bucket is full and the tries are forgotten: a stop that was tripped is kept by
the gateway, not here.
"""

from __future__ import annotations

from collections import deque

from gongshu.contract.body import OverScope, Rate


class Bucket:
    """A token bucket: `take(now)` is 0.0 when the call may pass now, else the seconds until it may."""

    __slots__ = ("_at", "_burst", "_per_second", "_tokens")

    def __init__(self, rate: Rate, now: float) -> None:
        self._per_second = rate.per_second
        self._burst = rate.burst
        self._tokens = float(rate.burst)
        self._at = now

    def take(self, now: float) -> float:
        # a clock that steps back fills nothing
        if now > self._at:
            self._tokens = min(float(self._burst), self._tokens + (now - self._at) * self._per_second)
            self._at = now
        if self._tokens >= 1.0:
            self._tokens -= 1.0
            return 0.0
        return (1.0 - self._tokens) / self._per_second


class Tries:
    """Over-scope tries within the agreed time: `add(now)` is True from the try that trips on."""

    __slots__ = ("_rule", "_times", "tripped")

    def __init__(self, rule: OverScope) -> None:
        self._rule = rule
        self._times: deque[float] = deque(maxlen=rule.tries)
        self.tripped = False

    def add(self, now: float) -> bool:
        self._times.append(now)
        if len(self._times) == self._rule.tries and now - self._times[0] < self._rule.seconds:
            self.tripped = True
        return self.tripped
