"""Mutants that no test can find, because they behave as the code does; each with the reason.

A file of tests/mutation/equivalent has blocks of lines, with blank lines between them:

    domain/check_times.py open_interval
    - if age < ABANDON_AFTER:
    + if age <= ABANDON_AFTER:
    = why nobody can notice it

Several mutants of a function can have one reason: each is a pair of lines. The lines are those
that the report prints. Lines that begin with `#` are comments.
"""

from collections.abc import Iterator, Mapping
from pathlib import Path

Key = tuple[str, str, str, str]


class BadEquivalent(Exception):
    """A block that cannot be read."""


def read_equivalents(folder: Path) -> Mapping[Key, str]:
    """Return the reason of each mutant that is listed.

    Raises:
        BadEquivalent: a block is not as it should be, or a mutant is listed twice.
    """
    found = dict[Key, str]()
    for file in sorted(folder.glob("*.txt")):
        for block in _blocks(file.read_text("utf-8")):
            for key, reason in _read(block, file.name):
                if key in found:
                    raise BadEquivalent(f"{file.name}: listed twice: {' '.join(key)}")
                found[key] = reason
    return found


def _blocks(text: str) -> Iterator[list[str]]:
    for block in text.split("\n\n"):
        lines = [line.strip() for line in block.splitlines()]
        if wanted := [line for line in lines if line and not line.startswith("#")]:
            yield wanted


def _read(block: list[str], file: str) -> Iterator[tuple[Key, str]]:
    path, _, name = block[0].partition(" ")
    changes, reason = block[1:-1], block[-1]
    kinds = [line[:2] for line in changes]
    is_paired = kinds == ["- ", "+ "] * (len(changes) // 2) and changes != []
    if not name or not is_paired or not reason.startswith("= "):
        raise BadEquivalent(f"{file}: not a mutant with its reason: {block[0]}")
    for before, after in zip(changes[::2], changes[1::2], strict=True):
        yield (path, name, before[2:], after[2:]), reason[2:]
