"""A module's source: its syntax tree, the place of each node in the text, and what is changed."""

import ast
import re
from collections.abc import Callable, Iterator
from functools import cached_property
from pathlib import Path
from types import ModuleType
from typing import Final

from attrs import define, frozen

FunctionNode = ast.FunctionDef | ast.AsyncFunctionDef

# They call nothing that a caller could notice, or are for a person who reads a program's state.
_UNREAD_FUNCTIONS: Final = ("__repr__", "__str__")

# The first names a type for type checkers alone; the others name what they create.
_TYPE_CALLS: Final = ("cast", "NewType", "TypeVar", "ParamSpec")


@frozen
class Change:
    """Another text for a part of a source, in bytes."""

    start: int
    end: int
    text: str
    kind: str


@frozen
class Scope:
    """Where a node is: for people, and the function whose code has it; None outside of one."""

    name: str
    function: FunctionNode | None
    qualname: str


@define(slots=False)
class Source:
    """One module: its text and tree, and the module itself for what its names stand for."""

    path: str
    text: bytes
    module: ModuleType

    @classmethod
    def read(cls, root: Path, path: str, module: ModuleType) -> "Source":
        return cls(path, (root / path).read_bytes(), module)

    @cached_property
    def tree(self) -> ast.Module:
        return ast.parse(self.text)

    @cached_property
    def parents(self) -> dict[ast.AST, ast.AST]:
        return {
            child: parent
            for parent in ast.walk(self.tree)
            for child in ast.iter_child_nodes(parent)
        }

    @cached_property
    def _line_starts(self) -> list[int]:
        return [0, 0, *(found.end() for found in re.finditer(rb"\n", self.text))]

    def span(self, node: ast.expr | ast.stmt | ast.pattern | ast.keyword) -> tuple[int, int]:
        """Return where the node begins and ends in the bytes of the text."""
        assert node.end_lineno is not None
        assert node.end_col_offset is not None
        return (
            self._line_starts[node.lineno] + node.col_offset,
            self._line_starts[node.end_lineno] + node.end_col_offset,
        )

    def text_of(self, node: ast.expr | ast.stmt | ast.pattern | ast.keyword) -> str:
        start, end = self.span(node)
        return self.text[start:end].decode()

    def line_of(self, offset: int) -> int:
        """Return the number of the line with this byte."""
        return self.text.count(b"\n", 0, offset) + 1

    def ancestors(self, node: ast.AST) -> Iterator[ast.AST]:
        while (parent := self.parents.get(node)) is not None:
            yield parent
            node = parent

    def scope(self, node: ast.AST) -> Scope:
        names, function, outer = list[str](), None, list[str]()
        child = node
        for parent in self.ancestors(node):
            if isinstance(parent, ast.ClassDef):
                names.append(parent.name)
                outer.append(parent.name)
            elif isinstance(parent, FunctionNode):
                names.append(parent.name)
                if child in parent.body:
                    function, outer = parent, [parent.name]
            child = parent
        return Scope(".".join(reversed(names)) or "<module>", function, ".".join(reversed(outer)))

    @cached_property
    def skipped(self) -> set[ast.AST]:
        """What no test could notice, or what type checkers check."""
        roots = list[ast.AST]()
        for node in ast.walk(self.tree):
            roots += self._skipped_roots(node)
        return {node for root in roots for node in ast.walk(root)}

    def _skipped_roots(self, node: ast.AST) -> Iterator[ast.AST]:
        match node:
            case ast.FunctionDef() | ast.AsyncFunctionDef():
                if node.name in _UNREAD_FUNCTIONS or _is_stub(node):
                    yield node
                yield from [*node.decorator_list, *([node.returns] if node.returns else [])]
            case ast.ClassDef():
                yield from [*node.decorator_list, *node.bases, *node.keywords]
            case ast.arg(annotation=ast.expr() as annotation):
                yield annotation
            case ast.AnnAssign():
                yield node.annotation
                if ast.unparse(node.annotation) == "TypeAlias":
                    yield node
            case ast.Assign(value=value) if self._is_type(value):
                yield node
            case ast.Expr(value=ast.Constant()) | ast.JoinedStr() | ast.Assert():
                yield node
            case ast.If(test=ast.Name(id="TYPE_CHECKING")):
                yield node
            case ast.Call(func=ast.Name(id=name)) if name in _TYPE_CALLS:
                yield from node.args[:1]
            case ast.keyword(arg="repr"):
                yield node
            case _:
                pass

    def _is_type(self, node: ast.expr) -> bool:
        """Whether this is another name for types: `A | B`."""
        match node:
            case ast.BinOp(op=ast.BitOr(), left=left, right=right):
                return self._is_type(left) and self._is_type(right)
            case ast.Constant(value=None):
                return True
            case ast.Name() | ast.Subscript(value=ast.Name()):
                name = node.id if isinstance(node, ast.Name) else ast.unparse(node.value)
                return name[:1].isupper() and isinstance(self.value_of(name), type)
            case _:
                pass
        return False

    def value_of(self, name: str) -> object:
        """Return what a global name of the module stands for; None if it has no such name."""
        return getattr(self.module, name, None)


def _is_stub(node: FunctionNode) -> bool:
    """Whether a function is a docstring or `...` alone, as in a protocol."""
    return all(isinstance(s, ast.Expr) and isinstance(s.value, ast.Constant) for s in node.body)


Operator = Callable[[ast.AST, Source], Iterator[Change]]
"""What is changed in a node of one kind; nothing in a node of another kind."""
