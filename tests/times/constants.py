"""The durations of the service, read from its text, so that a changed number reaches the others."""

import ast
from collections import Counter
from collections.abc import Iterator, Mapping
from datetime import timedelta
from functools import cache
from importlib import import_module
from itertools import chain
from pathlib import Path
from types import CodeType, SimpleNamespace
from typing import Any, Final

from attrs import define, field, frozen

ROOT: Final = Path(__file__).parents[2]
LAYERS: Final = ("domain", "application", "adapters", "entrypoints")


class Unknown(Exception):
    """A constant that is made of more than durations."""


@frozen
class Constant:
    """A constant of a module, which may be a duration."""

    module: str
    name: str
    text: str = field(eq=False)

    def __str__(self) -> str:
        return f"{self.module}.{self.name}"

    def code(self, factor: float) -> CodeType:
        """Return its expression, with all the numbers in it multiplied."""
        scaled = _Scaled(factor).visit(ast.parse(self.text, mode="eval"))
        return compile(ast.fix_missing_locations(scaled), str(self), "eval")

    @property
    def has_number(self) -> bool:
        """Whether it has a number of its own, and is not only made of other durations."""
        return any(map(_is_number, ast.walk(ast.parse(self.text))))


@frozen
class _Module:
    constants: Mapping[str, Constant]
    imported: Mapping[str, tuple[str, str]]
    """The module and the name of what is imported, by the name here."""


@define
class Durations:
    """All durations in seconds, as they are in the text, perhaps with one of them changed."""

    changed: Constant | None = None
    factor: float = 1.0
    are_imported: bool = False
    """Whether they are those of the imported modules."""
    _values: dict[tuple[str, str], Any] = field(init=False, factory=dict)

    def seconds(self, constant: Constant) -> float | None:
        """Return a constant in seconds; None if it is no duration."""
        try:
            value = self._value(constant.module, constant.name)
        except Exception:
            return None
        if isinstance(value, timedelta):
            return value.total_seconds()
        is_number = isinstance(value, int | float) and "SECONDS" in constant.name
        return float(value) if is_number else None

    def names(self) -> dict[str, Any]:
        """Return what a relation names: `NAME`, or `module.NAME` if several modules have one."""
        found = {each: self.seconds(each) for each in durations()}
        modules: dict[str, dict[str, float | None]] = {}
        for each, seconds in found.items():
            modules.setdefault(short(each.module), {})[each.name.lstrip("_")] = seconds
        unique = {label(each): value for each, value in found.items()}
        return {
            **{name: SimpleNamespace(**values) for name, values in modules.items()},
            **{name: value for name, value in unique.items() if "." not in name},
        }

    def _value(self, module: str, name: str) -> Any:
        if (module, name) not in self._values:
            self._values[module, name] = self._evaluated(module, name)
        return self._values[module, name]

    def _evaluated(self, module: str, name: str) -> Any:
        found = _modules().get(module)
        if found is None:
            raise Unknown(module)
        if name in found.imported:
            return self._value(*found.imported[name])
        constant = found.constants[name]
        if self.are_imported:
            return getattr(import_module(module), name)
        code = constant.code(self.factor if constant == self.changed else 1.0)
        known = {each: self._value(module, each) for each in code.co_names if each.isupper()}
        return eval(code, {"timedelta": timedelta, "__builtins__": {}} | known)


@cache
def durations() -> tuple[Constant, ...]:
    """Return every named duration of the four layers."""
    known = Durations()
    constants = chain.from_iterable(each.constants.values() for each in _modules().values())
    return tuple(each for each in constants if known.seconds(each) is not None)


@cache
def short(module: str) -> str:
    """Return the last part of a module's name; with the one before it if it needs that.

    Gateways have modules of the same names.
    """
    names = [each.rpartition(".")[2] for each in {each.module for each in durations()}]
    *_, parent, name = module.split(".")
    is_clear = names.count(name) == 1 and not module.startswith("adapters.gateways")
    return name if is_clear else f"{parent}_{name}"


def label(constant: Constant) -> str:
    """Return a constant as relations name it."""
    name = constant.name.lstrip("_")
    return name if _count()[name] == 1 else f"{short(constant.module)}.{name}"


@cache
def _count() -> Counter[str]:
    return Counter(each.name.lstrip("_") for each in durations())


@cache
def _modules() -> Mapping[str, _Module]:
    return {name: _read(name, text) for name, text in _texts()}


def _texts() -> Iterator[tuple[str, str]]:
    for path in chain.from_iterable((ROOT / layer).rglob("*.py") for layer in LAYERS):
        text = path.read_text()
        if "timedelta" in text or "SECONDS" in text:
            yield ".".join(path.relative_to(ROOT).with_suffix("").parts), text


def _read(module: str, text: str) -> _Module:
    constants, imported = dict[str, Constant](), dict[str, tuple[str, str]]()
    for node in ast.parse(text).body:
        match node:
            case ast.AnnAssign(target=ast.Name(id=name), value=ast.expr() as value):
                constants[name] = Constant(module, name, ast.unparse(value))
            case ast.ImportFrom(module=str(source), names=names):
                imported |= {each.asname or each.name: (source, each.name) for each in names}
            case _:
                pass
    return _Module(constants, imported)


def _is_number(node: ast.AST) -> bool:
    return isinstance(node, ast.Constant) and type(node.value) in (int, float)


@frozen
class _Scaled(ast.NodeTransformer):
    factor: float

    def visit_Constant(self, node: ast.Constant) -> ast.AST:
        match node.value:
            case bool():
                return node
            case int() | float() as number:
                return ast.Constant(number * self.factor)
            case _:
                return node
