"""Evidence of what the administrators do."""

from __future__ import annotations

from gongshu.office.accounts.actors import Actor
from gongshu.office.accounts.permissions import holders
from gongshu.office.link import clock, evidence


def prove(
    actor: Actor, act: str, subject: str, zone: str, permission: str, digests: dict[str, str] | None = None
) -> None:
    """Write the entry of an act under `permission` (empty: what everybody may do with the own account)."""
    held = sorted(actor.roles_in(zone) & holders(permission)) if permission else []
    evidence.record(
        act=act,
        actor=actor.person,
        role=held[0] if held else "self",
        subject=subject,
        zone=zone,
        now=clock.wall_now(),
        digests=digests,
    )
