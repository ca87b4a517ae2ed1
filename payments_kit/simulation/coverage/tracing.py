"""Tracing: notes which lines of domain/ and application/ follow each other in a run."""

from collections.abc import Mapping, Set
from importlib.util import find_spec
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self

from attrs import define, field

Arcs = Mapping[str, Set[tuple[int, int]]]
"""Pairs of lines that have run one after the other, by file."""

PACKAGES: Final = ("application", "domain")
"""The packages whose coverage is measured: the rules, which no other code may hide."""

ROOT: Final = Path(__file__).parents[3]
"""The folder of these packages: the repository, or where they are installed."""

MISSING: Final = "--coverage needs the library coverage: pip install coverage"


def is_installed() -> bool:
    """Whether the library that measures is installed; it is a dependency of development."""
    return find_spec("coverage") is not None


def new_coverage() -> Any:
    """Return what measures branches, in memory and without a configuration."""
    from coverage import Coverage

    packages = [str(ROOT / name) for name in PACKAGES]
    measured = Coverage(data_file=None, branch=True, config_file=False, source=packages)
    # In C: a run takes twice as long with it, and twenty times with the one in Python. CPython 3.14
    # has a faster one, which notes each arc once and so not what a later seed has reached.
    measured.set_option("run:core", "ctrace")
    return measured


@define
class Tracer:
    """Notes the arcs that run inside its `with` block: pairs of lines that follow each other."""

    _measured: Any = field(factory=new_coverage)
    _seen: dict[str, set[tuple[int, int]]] = field(factory=dict)

    def __enter__(self) -> Self:
        self._measured.start()
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._measured.stop()

    def take(self) -> Arcs:
        """Return the arcs that have run for the first time since the last call, by file."""
        data, new = self._measured.get_data(), dict[str, Set[tuple[int, int]]]()
        for file in data.measured_files():
            seen = self._seen.setdefault(file, set())
            if arcs := frozenset(data.arcs(file) or ()) - seen:
                seen |= arcs
                new[file] = arcs
        return new
