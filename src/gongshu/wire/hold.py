"""The hold after a restore: the data domain stands still until both administrators signed where to go on.

`config/hold.json` is written by `gongshu restore`, `config/resume.json` by `gongshu resume`; both belong to
root in separated mode. The domain works again only once it has taken every feed item up to the number signed,
so that nothing stopped, withdrawn or deleted since the backup comes back.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from gongshu.wire.admit import admit
from gongshu.wire.envelope import Envelope, loads
from gongshu.wire.errors import WireError
from gongshu.wire.settings import Settings
from gongshu.wire.trust import TrustList

HOLD, RESUME = "hold.json", "resume.json"
NAME_LENGTH = 12
# With seconds since 1970 still a safe integer in JSON.
PER_SECOND = 1 << 20
WAITING = (
    "数据域是从备份恢复的，停在原处：请两名安全管理员核对手中最新的检查点，用 gongshu resume 签署恢复的起点。"
)


@dataclass(frozen=True)
class Hold:
    """One restore: its random id, the feed numbers, a zone, that the restored archive had taken, and when
    it was done (wall time, whole seconds since 1970; 0 in a home restored by an older version)."""

    restore: str
    places: Mapping[str, int]
    at: int = 0


def read(site: Settings) -> Hold | None:
    """The hold of this home, None when its data domain was never restored."""
    try:
        raw = json.loads((site.config / HOLD).read_bytes())
        places = {zone: int(seq) for zone, seq in raw["places"].items()}
        return Hold(str(raw["restore"]), places, int(raw.get("at", 0)))
    except FileNotFoundError:
        return None
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise WireError(
            "hold", f"{site.config / HOLD} 读不了，数据域不启动；请运行 gongshu doctor。"
        ) from error


def incarnation(site: Settings) -> str:
    """What the names of this home's journals carry since its last restore, '' when there was none.

    A restored domain makes its next entries and messages under numbers the office may hold already with
    other content. So each restore the administrators signed begins new journals that start again at 1
    (`enclave.r…`, named by the restore's random id); the log keeps both.
    """
    hold = read(site)
    return f"r{hold.restore[:NAME_LENGTH]}" if hold is not None else ""


def first_number(site: Settings) -> int:
    """The least number of a message this home may still sign: above all that were signed before a restore.

    No sender signs a million messages a second, so the restore's own second is beyond any earlier number.
    """
    hold = read(site)
    return hold.at * PER_SECOND + 1 if hold is not None else 1


def check(envelope: Envelope, hold: Hold, trust: TrustList, mark: str, now: datetime) -> dict[str, int]:
    """The feed numbers, a zone, two administrators signed for exactly this restore, or `WireError`."""
    if envelope.kind != "resume":
        raise WireError("kind", "这份文件不是恢复起点。")
    body = admit(envelope, trust, now=now, mark=mark, direction="local").envelope.body
    if body.get("restore") != hold.restore:
        raise WireError("resume", "这份恢复起点是为另一次恢复签署的，不予接受。")
    numbers = body.get("numbers")
    if not isinstance(numbers, dict) or not all(type(seq) is int for seq in numbers.values()):
        raise WireError("resume", "恢复起点没有逐个区域写明编号，不予接受。")
    for zone, place in hold.places.items():
        if numbers.get(zone, -1) < place:
            raise WireError("resume", f"区域 {zone} 的恢复起点低于备份本身已收到的第 {place} 号，不予接受。")
    return dict(numbers)


def signed(site: Settings, hold: Hold, trust: TrustList, now: datetime) -> dict[str, int] | None:
    """The numbers signed for this hold; None while there is no valid signature."""
    try:
        return check(loads((site.config / RESUME).read_bytes()), hold, trust, site.mark, now)
    except (OSError, WireError):
        return None


def missing(site: Settings, trust: TrustList, places: Mapping[str, int], now: datetime) -> str:
    """'' when the data domain may work, else one sentence why not. `places`: feed numbers taken, a zone."""
    hold = read(site)
    if hold is None:
        return ""
    numbers = signed(site, hold, trust, now)
    if numbers is None:
        return WAITING
    for zone, number in sorted(numbers.items()):
        if places.get(zone, 0) < number:
            return f"区域 {zone} 的通知流还没有收到安全管理员签署的第 {number} 号，数据域继续等待。"
    return ""


def body(hold: Hold, home_zone: str, numbers: Mapping[str, int]) -> dict[str, Any]:
    """What the administrators sign."""
    return {"number": numbers.get(home_zone, 0), "numbers": dict(numbers), "restore": hold.restore}
