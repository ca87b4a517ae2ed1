"""All mutants of a module."""

import ast
import re
from collections import Counter
from collections.abc import Iterator

from attrs import frozen

from tests.mutation.calls import CALLS, step
from tests.mutation.expressions import EXPRESSIONS
from tests.mutation.source import Change, Source
from tests.mutation.statements import STATEMENTS


@frozen
class Mutant:
    """A module with one change."""

    path: str
    name: str
    """The class and function, for people."""
    line: int
    lines: tuple[int, int]
    """The first and the last line of the statement, of which a test must have run one."""
    kind: str
    original: str
    mutated: str
    """The changed lines, before and after, as one line each."""
    number: int
    """Its number among those with equal lines in one function."""
    start: int
    end: int
    text: str
    function: str | None
    """The outermost function that has the change, as its code is named; None outside of one."""
    names: tuple[str, ...]
    """What is defined by the statement with the change, outside of a function."""

    @property
    def key(self) -> tuple[str, str, str, str]:
        """What stays the same when other lines of the module change."""
        return (self.path, self.name, self.original, self.mutated)

    @property
    def id(self) -> str:
        return "\n".join((*self.key, str(self.number)))

    def apply(self, text: bytes) -> bytes:
        """Return the module's text with the change."""
        return _changed(text, self)


def mutants_of(source: Source, methods: frozenset[str]) -> Iterator[Mutant]:
    """Yield the mutants in the order of their lines.

    Args:
        source: the module.
        methods: the methods that return another state of their object.
    """
    found = dict[tuple[int, int, str], tuple[ast.AST, Change]]()
    for node in ast.walk(source.tree):
        if node not in source.skipped:
            for operator in (*EXPRESSIONS, *CALLS, *STATEMENTS, step(methods)):
                for change in operator(node, source):
                    found.setdefault((change.start, change.end, change.text), (node, change))
    numbers = Counter[tuple[str, str, str]]()
    for _, (node, change) in sorted(found.items(), key=lambda each: each[0]):
        scope = source.scope(node)
        original, mutated = _lines(source.text, change)
        try:
            ast.parse(_changed(source.text, change))
        except SyntaxError:
            continue
        if original == mutated:
            continue
        key = (scope.name, original, mutated)
        numbers[key] += 1
        yield Mutant(
            path=source.path,
            name=scope.name,
            line=source.line_of(change.start),
            lines=_statement(source, node, change),
            kind=change.kind,
            original=original,
            mutated=mutated,
            number=numbers[key],
            start=change.start,
            end=change.end,
            text=change.text,
            function=scope.qualname if scope.function is not None else None,
            names=() if scope.function is not None else tuple(_defined(source, node)),
        )


def _changed(text: bytes, change: Change | Mutant) -> bytes:
    return text[: change.start] + change.text.encode() + text[change.end :]


def methods_that_return_self(trees: Iterator[ast.Module]) -> frozenset[str]:
    """Return the names of the methods that return an object of their own class."""
    names, others = set[str](), set[str]()
    for tree in trees:
        for kind in ast.walk(tree):
            if isinstance(kind, ast.ClassDef):
                for each in kind.body:
                    if isinstance(each, ast.FunctionDef) and each.returns is not None:
                        returned = ast.unparse(each.returns).strip("'\"")
                        (names if returned in ("Self", kind.name) else others).add(each.name)
    return frozenset(names - others)


def _lines(text: bytes, change: Change) -> tuple[str, str]:
    """Return the changed lines before and after, without their indentation."""
    first = text.rfind(b"\n", 0, change.start) + 1
    last = text.find(b"\n", change.end)
    before, after = text[first : change.start], text[change.end : last]
    return (
        _one_line(before + text[change.start : change.end] + after),
        _one_line(before + change.text.encode() + after),
    )


def _statement(source: Source, node: ast.AST, change: Change) -> tuple[int, int]:
    """Return the lines of a statement, without those of its body."""
    last = source.line_of(change.end)
    for each in (node, *source.ancestors(node)):
        match each:
            case ast.ExceptHandler():
                return each.lineno, last
            case ast.stmt() if hasattr(each, "body") or isinstance(each, ast.Match):
                return each.lineno, last
            case ast.stmt():
                return each.lineno, each.end_lineno or last
            case _:
                pass
    return source.line_of(change.start), last


def _one_line(text: bytes) -> str:
    return re.sub(r"\s+", " ", text.decode()).strip()


def _defined(source: Source, node: ast.AST) -> Iterator[str]:
    """Yield the names that depend on a node outside of functions: variable, function or class."""
    for each in (node, *source.ancestors(node)):
        match each:
            case ast.Assign():
                yield from (target.id for target in each.targets if isinstance(target, ast.Name))
            case ast.AnnAssign(target=ast.Name(id=name)):
                yield name
            case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name):
                yield name
            case ast.ClassDef(name=name):
                yield name
            case _:
                pass
