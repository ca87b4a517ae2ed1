"""Corpus: for each feature that was reached, the smallest run found that reaches it."""

import os
import random
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Final

from attrs import define, field

from payments_kit.simulation.guided.runs import GuidedRun
from payments_kit.simulation.recipe import InvalidRecipe, recipe_of, scenario_from
from payments_kit.simulation.scenario import Scenario

_CANDIDATES: Final = 12
"""The rarest of so many features is chosen: rare ones often, common ones seldom."""

_WEIGHTS: Final = {"order": 4, "payment": 2, "gateway": 2, "refund": 2, "fault": 1, "reply": 1}
"""How often a run is changed for a feature of this kind: there are most of the faults, and most of
these say least."""

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

    hits: Counter[str] = field(factory=Counter)
    """In how many runs each feature was reached."""
    smallest: dict[str, GuidedRun] = field(factory=dict)
    _features: dict[str, list[str]] = field(factory=dict)
    """By their first word, in the order in which they were reached."""

    def add(self, run: GuidedRun) -> None:
        """Keep a run for what it reaches first, or in a smaller run than any before."""
        cost = run.cost
        for feature in run.features:
            self.hits[feature] += 1
            known = self.smallest.get(feature)
            if known is None:
                self._features.setdefault(feature.partition(" ")[0], []).append(feature)
            elif known.cost <= cost:
                continue
            self.smallest[feature] = run

    def choose(self, draw: random.Random) -> tuple[GuidedRun, int]:
        """Return a run that reaches something rare, and at which change it does."""
        words = [word for word in _WEIGHTS if word in self._features]
        weights = [_WEIGHTS[word] for word in words]
        known = self._features[draw.choices(words, weights)[0]]
        features = [draw.choice(known) for _ in range(_CANDIDATES)]
        feature = min(features, key=lambda each: (self.hits[each], self.smallest[each].cost))
        run = self.smallest[feature]
        return run, run.features[feature]

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
        UnusableCorpus: the file cannot be read, or a line is no recipe.
    """
    if not file.exists():
        return []
    try:
        if file.stat().st_size > _MAX_BYTES:
            raise UnusableCorpus(f"{file} is larger than {_MAX_BYTES:,} bytes")
        lines = file.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise UnusableCorpus(f"{file} cannot be read: {error}") from error
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
        raise UnusableCorpus(f"{file} cannot be written: {error}") from error
