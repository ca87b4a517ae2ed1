"""Recipe: a run as one short text: its seed, and what differs from the scenario of this seed."""

import re
from collections.abc import Iterator
from typing import Any, Final

from attrs import evolve

from payments_kit.simulation.faults import FaultKind, FaultOccurrence, PlacedFault
from payments_kit.simulation.scenario import Kind, Scenario, kind_of, usual_scenario
from payments_kit.simulation.streams import Branch
from payments_kit.simulation.workloads import Workload

MAX_LENGTH: Final = 20_000
"""More than any: the longest name a few hundred occurrences of faults."""

_SHOWN: Final = 40
"""How much of a wrong change an error repeats: with the rest, one line of a terminal."""

_NUMBER: Final = r"(0|[1-9]\d{0,6})"
"""A run has at most a million steps, and fewer of everything else."""

_PLACED: Final = re.compile(rf"([a-z-]+)@{_NUMBER}(?:\+{_NUMBER})?", re.ASCII)
_BRANCH: Final = re.compile(rf"([a-z0-9._-]+):{_NUMBER}~{_NUMBER}", re.ASCII | re.IGNORECASE)
_OCCURRENCE: Final = re.compile(rf"([a-z-]+)([#!]){_NUMBER}", re.ASCII)
_VALUE: Final = re.compile(r"([a-z_-]+)=([a-z0-9.e+-]{1,30})", re.ASCII)
_SEED: Final = re.compile(r"\d{1,20}", re.ASCII)
_ABSENT: Final = re.compile(r"-([a-z0-9.]{1,40})", re.ASCII)

_NAMES: Final = {kind: kind.name.lower().replace("_", "-") for kind in FaultKind}
_KINDS: Final = {name: kind for kind, name in _NAMES.items()}
_STREAMS: Final = {kind.name: name for kind, name in _NAMES.items()}
_NO: Final = "no"
_NO_FAULTS: Final = "no-faults"
_SCENARIOS: Final = {each.value: each for each in Kind}
"""The first change of a scenario whose kind is not that of its seed."""
_BOOLS: Final = {"yes": True, _NO: False}
_WORKLOADS: Final = {each.name.lower(): each for each in Workload}

_FIELDS: Final = {
    each: type(getattr(Scenario(0), each))
    for each in (
        *("orders", "customers", "burst", "serves", "workers", "latency", "seconds", "cancels"),
        *("refunds", "webhooks", "manual", "ships", "merchant", "second", "edges"),
    )
}
"""The fields of a scenario that are single values."""

_HIGHEST: Final = {
    "orders": 20,
    "customers": 20,
    "serves": 10,
    "workers": 10,
    "seconds": 600.0,
    "merchant": 20.0,
    "refunds": 20.0,
}
"""Of the others, 1 is the highest value."""


class InvalidRecipe(Exception):
    """The text describes no run."""


class _OutOfRange(ValueError):
    """The text says which values are possible."""


def recipe_of(scenario: Scenario) -> str:
    """Return the text that describes this scenario."""
    return ",".join(_items(scenario))


def _items(scenario: Scenario) -> Iterator[str]:
    usual = usual_scenario(scenario.seed, scenario.kind)
    yield str(scenario.seed)
    if scenario.kind is not kind_of(scenario.seed):
        yield scenario.kind.value
    for name in _FIELDS:
        if (value := getattr(scenario, name)) != getattr(usual, name):
            yield f"{name}={_text_of(value)}"
    for kind in FaultKind:
        rate = scenario.rates.get(kind)
        if rate != usual.rates.get(kind):
            yield f"{_NAMES[kind]}={_NO if rate is None else rate}"
    for name, workload in _WORKLOADS.items():
        if (workload in scenario.workloads) != (workload in usual.workloads):
            yield f"{name}={_text_of(workload in scenario.workloads)}"
    for place in scenario.placed:
        skipped = f"+{place.skipped}" if place.skipped else ""
        yield f"{_NAMES[place.kind]}@{place.change}{skipped}"
    for each in scenario.branches:
        stream = _STREAMS.get(each.stream, each.stream.replace(" ", "_"))
        yield f"{stream}:{each.change}~{each.variant}"
    yield from (f"-{name}" for name in sorted(scenario.absent))
    yield from _occurrences("!", scenario.suppressed)
    if scenario.only is not None:
        yield from _occurrences("#", scenario.only) if scenario.only else [_NO_FAULTS]


def _text_of(value: object) -> str:
    return ("yes" if value else _NO) if isinstance(value, bool) else str(value)


def _occurrences(sign: str, occurrences: frozenset[FaultOccurrence]) -> Iterator[str]:
    names = sorted((_NAMES[each.kind], each.number) for each in occurrences)
    return (f"{name}{sign}{number}" for name, number in names)


def scenario_from(recipe: str) -> Scenario:
    """Return the scenario that a text describes.

    Raises:
        InvalidRecipe: it describes none.
    """
    seed, *items = recipe.strip().split(",") if len(recipe) <= MAX_LENGTH else [""]
    if not _SEED.fullmatch(seed):
        raise InvalidRecipe("it begins without the number of a seed")
    named = _SCENARIOS.get(items[0]) if items else None
    scenario = usual_scenario(int(seed), named or kind_of(int(seed)))
    for item in items[1 if named else 0 :]:
        try:
            scenario = _changed(scenario, item)
        except _OutOfRange as error:
            raise InvalidRecipe(f"{item[:_SHOWN]!r} is not {error}") from None
        except (KeyError, ValueError):
            raise InvalidRecipe(_why_unknown(item)) from None
    return scenario


def _why_unknown(item: str) -> str:
    if item in _SCENARIOS:
        return f"{item!r} can only follow the seed, as the first change"
    return f"{item[:_SHOWN]!r} is not a change of a run; docs/proof.md lists them"


def _changed(scenario: Scenario, item: str) -> Scenario:
    if match := _PLACED.fullmatch(item):
        place = PlacedFault(_KINDS[match[1]], int(match[2]), int(match[3] or 0))
        return evolve(scenario, placed=(*scenario.placed, place))
    if match := _BRANCH.fullmatch(item):
        kind = _KINDS.get(match[1])
        name = kind.name if kind else match[1].replace("_", " ")
        branch = Branch(name, int(match[2]), int(match[3]))
        return evolve(scenario, branches=(*scenario.branches, branch))
    if match := _OCCURRENCE.fullmatch(item):
        occurrence = FaultOccurrence(_KINDS[match[1]], int(match[3]))
        if match[2] == "!":
            return evolve(scenario, suppressed=scenario.suppressed | {occurrence})
        return evolve(scenario, only=(scenario.only or frozenset()) | {occurrence})
    if match := _ABSENT.fullmatch(item):
        return evolve(scenario, absent=scenario.absent | {match[1]})
    if item == _NO_FAULTS:
        return evolve(scenario, only=frozenset())
    match = _VALUE.fullmatch(item)
    if match is None:
        raise ValueError
    return _with_value(scenario, match[1], match[2])


def _with_value(scenario: Scenario, name: str, text: str) -> Scenario:
    if (workload := _WORKLOADS.get(name)) is not None:
        others = scenario.workloads - {workload}
        return evolve(scenario, workloads=others | {workload} if _BOOLS[text] else others)
    if (kind := _KINDS.get(name)) is None:
        return evolve(scenario, **{name: _value(name, text)})
    rates = {each: rate for each, rate in scenario.rates.items() if each is not kind}
    if text != _NO:
        rates[kind] = _bounded(float(text), 1.0)
    return evolve(scenario, rates=rates)


def _value(name: str, text: str) -> Any:
    of = _FIELDS[name]
    if of is bool:
        return _BOOLS[text]
    highest = _HIGHEST.get(name, 1.0)
    return _bounded(int(text), highest, lowest=1) if of is int else _bounded(float(text), highest)


def _bounded(number: float, highest: float, lowest: float = 0) -> float:
    if not lowest <= number <= highest:
        raise _OutOfRange(f"from {lowest:g} to {highest:g}")
    return number
