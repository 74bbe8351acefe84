from collections.abc import Iterator

import pytest

from support.attack_world import World, build


@pytest.fixture(scope="session")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    city = build(tmp_path_factory.mktemp("city"))
    with city.open:
        yield city
