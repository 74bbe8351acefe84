"""The products a result may leave for: those of the project's own operator, made under its own grants.

Products belong to a later app, which registers here where they are found; while none has, there is no
product to name.
"""

from __future__ import annotations

from collections.abc import Callable

from gongshu.office.accounts.permissions import Refused
from gongshu.office.scenarios.models import Project

Find = Callable[[Project], "list[tuple[str, str]]"]
FOUND: list[Find] = []
WRONG = "所选的产品不是本项目运营机构在本项目的授权下建立的，请从列表里选择，或者先建立产品。"


def find_with(find: Find) -> None:
    """`find(project)`: (id, name) of the products of the project's operator under the project's grants."""
    if find not in FOUND:
        FOUND.append(find)


def products(project: Project) -> list[tuple[str, str]]:
    """(id, name) of the products a result of the project may serve."""
    return [each for find in FOUND for each in find(project)]


def check(project: Project, product: str) -> None:
    """Raise `Refused` unless the product is one of them; '' names none and is right."""
    if product and product not in dict(products(project)):
        raise Refused(WRONG, "input:product")
