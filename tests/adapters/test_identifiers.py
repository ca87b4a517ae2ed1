"""New identifiers."""

import re

from hypothesis import given
from hypothesis import strategies as st

from adapters.identifiers import id_at, new_id

# 2020 to 2100.
MOMENTS = st.integers(1_577_836_800_000, 4_102_444_800_000)


@given(MOMENTS, MOMENTS)
def test_an_id_of_a_later_millisecond_comes_after_that_of_an_earlier_one(
    first: int, second: int
) -> None:
    if first < second:
        assert id_at(first) < id_at(second)


def test_no_two_ids_of_one_millisecond_are_the_same_even_if_cut_as_those_of_payments() -> None:
    assert len({id_at(1_790_000_000_000)[:28] for _ in range(10_000)}) == 10_000


def test_an_id_has_as_many_digits_as_a_uuid() -> None:
    assert re.fullmatch("[0-9a-f]{32}", new_id())
