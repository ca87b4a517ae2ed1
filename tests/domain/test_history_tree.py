"""The tree over the histories of all orders: each leaf leads to the root, and nothing else does."""

import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.history_tree import climb, leaf_hash, node_hash, path_of, root_of

LEAVES = [leaf_hash(f"order-{number}", 1, "0" * 64) for number in range(300)]


@pytest.mark.parametrize(
    ("leaves", "levels"),
    [(1, [1]), (16, [16]), (17, [17, 2]), (256, [256, 16]), (257, [257, 17, 2])],
)
def test_a_node_has_sixteen_children(leaves: int, levels: list[int]) -> None:
    assert [len(each) for each in root_of(LEAVES[:leaves])[1]] == levels


@given(st.integers(1, 300), st.data())
def test_a_leaf_leads_to_the_root_from_its_own_position_only(
    leaves: int, data: st.DataObject
) -> None:
    root, levels = root_of(LEAVES[:leaves])
    one, other = (data.draw(st.integers(0, leaves - 1)) for _ in range(2))
    assert (climb(LEAVES[one], path_of(other, levels)) == root) is (one == other)


def test_a_leaf_and_a_node_are_hashed_as_the_documentation_says() -> None:
    first, second = LEAVES[:2]
    both = bytes.fromhex(first) + bytes.fromhex(second)
    assert node_hash([first, second]) == hashlib.sha256(b"\x01" + both).hexdigest()
    end = b"\x00order-0\x001\x00" + bytes(32)
    assert first == hashlib.sha256(end).hexdigest()
