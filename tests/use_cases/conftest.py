"""What the tests of the use cases share."""

import pytest

from tests.world import World


@pytest.fixture
def world() -> World:
    """Return a world without any order."""
    return World()
