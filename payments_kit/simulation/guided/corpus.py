"""Corpus: for each feature that was reached, the smallest run found that reaches it."""

import os
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Final

from attrs import define, field

from payments_kit.simulation.guided.runs import GuidedRun
from payments_kit.simulation.recipe import InvalidRecipe, recipe_of, scenario_from
from payments_kit.simulation.scenario import Scenario

MAX_KEPT: Final = 300
"""How many recipes a file keeps: those that together reach the most."""

_MAX_BYTES: Final = 10_000_000
"""Many times the size of a file with the longest recipes."""

_HEADER: Final = """\
# Recipes of runs that together reach more than as many seeds; one a line, the most valuable first.
# Written by `payments simulate --guided --corpus FILE`; replay one with `--replay RECIPE`.
"""


class UnusableCorpus(Exception):
    """The file has no corpus."""


@define
class Corpus:
    """The runs that reached something new."""

    smallest: dict[str, GuidedRun] = field(factory=dict)

    def add(self, run: GuidedRun) -> None:
        """Keep a run for what it reaches first, or in a smaller run than any before."""
        cost = run.cost
        for feature in run.features:
            known = self.smallest.get(feature)
            if known is None or cost < known.cost:
                self.smallest[feature] = run

    def best(self, number: int = MAX_KEPT) -> list[GuidedRun]:
        """Return at most so many runs that together reach the most."""
        kept = [*{id(run): run for run in self.smallest.values()}.values()]
        missing = set(self.smallest)
        chosen = list[GuidedRun]()
        # What a run adds never grows, so only the first of the order has to be counted again.
        order = sorted(((len(run.features), -run.cost, n) for n, run in enumerate(kept)))
        while order and missing and len(chosen) < number:
            _, cost, n = order.pop()
            adds = len(missing & kept[n].features.keys())
            if order and (adds, cost, n) < order[-1]:
                _insert(order, (adds, cost, n))
            elif adds:
                chosen.append(kept[n])
                missing -= kept[n].features.keys()
        return chosen


def _insert(order: list[tuple[int, int, int]], item: tuple[int, int, int]) -> None:
    low, high = 0, len(order)
    while low < high:
        middle = (low + high) // 2
        low, high = (middle + 1, high) if order[middle] < item else (low, middle)
    order.insert(low, item)


def read_corpus(file: Path) -> list[Scenario]:
    """Return the scenarios of a file; none if there is no file.

    Raises:
        UnusableCorpus: the file cannot be read, or a line is not a recipe.
    """
    if not file.exists():
        return []
    if not file.is_file():
        raise UnusableCorpus(f"{file} is not a regular file")  # a device may be endless
    try:
        if file.stat().st_size > _MAX_BYTES:
            raise UnusableCorpus(f"{file} is larger than {_MAX_BYTES:,} bytes")
        lines = file.read_text(encoding="utf-8").splitlines()
    except OSError as error:
        raise UnusableCorpus(f"{file} cannot be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise UnusableCorpus(f"{file} cannot be read: it is not UTF-8") from error
    return [*_scenarios(file, lines)]


def _scenarios(file: Path, lines: Iterable[str]) -> Iterator[Scenario]:
    for number, line in enumerate(lines, 1):
        if line.strip() and not line.startswith("#"):
            try:
                yield scenario_from(line)
            except InvalidRecipe as error:
                raise UnusableCorpus(f"{file}, line {number}: {error}") from None


def write_corpus(file: Path, scenarios: Iterable[Scenario]) -> None:
    """Write a file, which has either the old or the new content if that fails.

    Raises:
        UnusableCorpus: it cannot be written.
    """
    lines = "".join(f"{recipe_of(each)}\n" for each in scenarios)
    new = file.with_name(f"{file.name}.new")
    try:
        new.write_text(_HEADER + lines, encoding="utf-8")
        os.replace(new, file)
    except OSError as error:
        raise UnusableCorpus(f"{file} cannot be written: {error.strerror}") from error
