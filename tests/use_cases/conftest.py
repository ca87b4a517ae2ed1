"""What the tests of the use cases share."""

import pytest

from tests.use_cases.shop import Shop


@pytest.fixture
def shop() -> Shop:
    """A shop without any order."""
    return Shop()
