"""Reasons: why the simulation does not take some branches, from the reviewed list."""

import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from attrs import frozen

from payments_kit.simulation.coverage.branches import NEVER_CALLED, Branch

LIST: Final = Path(__file__).with_name("reasons.toml")


@frozen
class Reason:
    """Why some branches are not taken, and the test that takes them."""

    why: str
    tests: tuple[str, ...]
    """The tests that cover them; none for what can never happen."""
    branches: tuple[Branch, ...]


def read_reasons() -> tuple[Reason, ...]:
    """Return the list."""
    entries = tomllib.loads(LIST.read_text()).get("reason", ())
    return tuple(_reason(each) for each in entries)


def _reason(entry: Mapping[str, Any]) -> Reason:
    branches = [Branch(name, "", NEVER_CALLED) for name in entry.get("never_called", ())]
    for name, lines in entry.get("branches", {}).items():
        branches += (Branch(name, line, target) for line, target in lines)
    why = " ".join(entry["why"].split())
    return Reason(why, tuple(entry.get("tests", ())), tuple(branches))
