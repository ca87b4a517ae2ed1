"""Places for demos to work in, that must be left clean."""

import shutil
from collections.abc import Iterator

import pytest

from payments_kit.servers.processes import User
from tests.demo.running import Place, ordinary_user


@pytest.fixture
def place() -> Iterator[Place]:
    yield from _place(User.ourselves())


@pytest.fixture
def another_place() -> Iterator[Place]:
    yield from _place(ordinary_user().user)


def _place(user: User) -> Iterator[Place]:
    place = Place.of(user)
    yield place
    clean = place.is_left_clean()
    shutil.rmtree(place.folder)
    assert clean, "something was left behind"
