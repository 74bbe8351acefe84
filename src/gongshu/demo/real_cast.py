"""Who hands real data in: the information centre that collected it, in the places of the story's provider."""

from __future__ import annotations

from gongshu.demo.stage import Stage
from gongshu.demo.web import Browser

ORGANISATION = "centre"
MAKER = ("collector", "collector2")
PARTS = {"provider": MAKER[0], "checker": MAKER[1], "bus": ORGANISATION}


class Recast(Stage):
    """The same stage with the centre's people where the story says provider and checker.

    So the flow of one product (`product.py`) serves another provider's data unchanged.
    """

    def __init__(self, stage: Stage) -> None:
        super().__init__(stage.home, stage.urls, stage.memory)
        self.browsers = stage.browsers

    def at_office(self, key: str) -> Browser:
        return super().at_office(PARTS.get(key, key))

    def at_airlock(self, key: str) -> Browser:
        return super().at_airlock(PARTS.get(key, key))

    def organisation(self, key: str) -> str:
        return super().organisation(PARTS.get(key, key))

    def person(self, key: str) -> str:
        return super().person(PARTS.get(key, key))
