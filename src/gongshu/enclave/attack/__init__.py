"""The attack on outputs: nothing leaves before it has been tested against the raw data it came from."""

from .attack import attack as run
from .model import AttackReport, Finding
from .raw import BadRaw
from .spec import BadSpec, Floor

__all__ = ["AttackReport", "BadRaw", "BadSpec", "Finding", "Floor", "run"]
