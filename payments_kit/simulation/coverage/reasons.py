"""Reasons: why the simulation does not take some branches, from the reviewed list."""

import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

from attrs import frozen

from payments_kit.simulation.coverage.branches import NEVER_CALLED, Branch

LIST: Final = Path(__file__).with_name("reasons.toml")


@frozen
class Reason:
    """Why some branches are not taken, and for each the test that takes it."""

    why: str
    tests: Mapping[Branch, str]
    """By branch: a test as pytest names it; empty for what no test can reach."""
    is_rare: bool = False
    """Whether they are possible, and may or may not be taken in a long run."""


def read_reasons() -> tuple[Reason, ...]:
    """Return the list."""
    entries = tomllib.loads(LIST.read_text()).get("reason", ())
    return tuple(_reason(each) for each in entries)


def _reason(entry: Mapping[str, Any]) -> Reason:
    why = " ".join(entry["why"].split())
    return Reason(why, dict(_branches(entry)), entry.get("is_rare", False))


def _branches(entry: Mapping[str, Any]) -> Iterator[tuple[Branch, str]]:
    for name, *test in entry.get("never_called", ()):
        yield Branch(name, "", NEVER_CALLED), "::".join(test)
    for name, branches in entry.get("branches", {}).items():
        for line, target, *test in branches:
            yield Branch(name, line, target), "::".join(test)
