"""HistoryTree: one hash over where the histories of all orders end.

A Merkle tree: a leaf for each order, and sixteen children for each node. If the end of a history is
dropped, its leaf does not lead to the root that was published before.
"""

import hashlib
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Final

from attrs import frozen

from domain.identifiers import OrderId

FANOUT: Final = 16
"""A proof for ten million orders has six levels of fifteen hashes, which is 6 KB. With two children
a node it would be a quarter of that, and a root would write four times as many nodes."""

# What is hashed for a leaf is never what is hashed for a node (RFC 6962, section 2.1).
_LEAF: Final = b"\x00"
_NODE: Final = b"\x01"


@frozen
class HistoryRoot:
    """The root over all histories at some time."""

    id: int
    at: datetime
    root: str
    orders: int
    """How many orders have a history."""
    is_complete: bool
    """Whether it contains all that was committed; otherwise another one follows at once."""


@frozen
class Siblings:
    """The hashes beside one node, below the same parent."""

    before: Sequence[str]
    after: Sequence[str]


@frozen
class HistoryProof:
    """Shows that a root contains where the history of an order ended."""

    root: HistoryRoot
    order_id: OrderId
    seq: int
    """The newest entry that the root contains."""
    hash: str
    path: Sequence[Siblings]
    """From the leaf up to the root."""

    @property
    def is_valid(self) -> bool:
        """Whether the path leads to the root."""
        leaf = leaf_hash(self.order_id, self.seq, self.hash)
        return climb(leaf, self.path) == self.root.root


def leaf_hash(order_id: str, seq: int, entry_hash: str) -> str:
    """Return the hash of a leaf: the order, and the number and the hash of its newest entry."""
    end = bytes.fromhex(entry_hash)
    content = b"\x00".join((order_id.encode(), str(seq).encode(), end))
    return hashlib.sha256(_LEAF + content).hexdigest()


def node_hash(children: Iterable[str]) -> str:
    """Return the hash of a node with these children."""
    return hashlib.sha256(_NODE + b"".join(map(bytes.fromhex, children))).hexdigest()


def climb(leaf: str, path: Iterable[Siblings]) -> str:
    """Return the root to which a path leads."""
    for siblings in path:
        leaf = node_hash((*siblings.before, leaf, *siblings.after))
    return leaf


def root_of(leaves: Sequence[str]) -> tuple[str, Sequence[Sequence[str]]]:
    """Return the root of these leaves, and the levels below it; there must be a leaf."""
    levels, nodes = list[Sequence[str]](), leaves
    while True:
        levels.append(nodes)
        groups = [nodes[first : first + FANOUT] for first in range(0, len(nodes), FANOUT)]
        nodes = [node_hash(group) for group in groups]
        if len(nodes) == 1:
            return nodes[0], levels


def path_of(position: int, levels: Sequence[Sequence[str]]) -> Sequence[Siblings]:
    """Return the path from a leaf to the root."""
    path = []
    for nodes in levels:
        first = position - position % FANOUT
        path.append(Siblings(nodes[first:position], nodes[position + 1 : first + FANOUT]))
        position //= FANOUT
    return path
