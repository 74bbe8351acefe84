"""What one may do at the airlock, by the roles of the trust list; printed in `docs/permissions.md`."""

from __future__ import annotations

from gongshu.enclave.acts import ACTS

__all__ = ["ACTS", "TITLES"]

TITLES = {
    "hand_in": "入库：交来、确认、退回（本单位的）",
    "confirm": "确认授权、上限、样例、解除熔断（本单位数据的）",
    "see": "看未出域的成果、检验发现和攻击回放（审核机构的，或者数据全由本单位提供的）",
    "review": "对未出域的成果表决（授权写明的审核机构的）",
    "stop": "停止（从不被拒绝给有这些角色的人）",
}
