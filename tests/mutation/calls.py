"""What is changed in calls and in displays of collections: what is left out, or the opposite."""

import ast
import inspect
from collections.abc import Iterator
from typing import Final

from tests.mutation.expressions import operand_text
from tests.mutation.source import Change, Operator, Source

_OPPOSITES: Final = {"any": "all", "all": "any", "min": "max", "max": "min"}
_UNSORTED: Final = ("sorted", "reversed")


def call(node: ast.AST, source: Source) -> Iterator[Change]:
    """The opposite function, or fewer arguments."""
    if not isinstance(node, ast.Call):
        return
    start, end = source.span(node)
    name = node.func.id if isinstance(node.func, ast.Name) else ""
    if name in _OPPOSITES:
        yield Change(*source.span(node.func), _OPPOSITES[name], "opposite")
    if name in _UNSORTED:
        yield Change(start, end, f"list({source.text_of(node.args[0])})", "order")
    parts: list[ast.expr | ast.keyword] = [*node.args, *node.keywords]
    for part in parts:
        if _can_be_left_out(part, name, len(parts), source):
            rest = ", ".join(source.text_of(each) for each in parts if each is not part)
            yield Change(start, end, f"{source.text_of(node.func)}({rest})", "argument")


def _can_be_left_out(part: ast.expr | ast.keyword, name: str, parts: int, source: Source) -> bool:
    if name == "suppress":
        return True
    if not isinstance(part, ast.keyword) or part.arg in (None, "strict"):
        return False
    if name == "evolve":
        return True
    try:
        parameters = inspect.signature(source.value_of(name)).parameters  # type: ignore[arg-type]
    except (TypeError, ValueError):
        return False
    has_default = part.arg in parameters and (
        parameters[str(part.arg)].default is not inspect.Parameter.empty
    )
    return has_default and parts > 1


def step(methods: frozenset[str]) -> "Operator":
    """Return what leaves out a call of a method that returns another state of its object."""

    def change(node: ast.AST, source: Source) -> Iterator[Change]:
        match node:
            case ast.Call(func=ast.Attribute(value=value, attr=name)) if name in methods:
                if not isinstance(value, ast.Name) or not value.id[:1].isupper():
                    yield Change(*source.span(node), operand_text(source, value), "step")
            case _:
                pass

    return change


def element(node: ast.AST, source: Source) -> Iterator[Change]:
    """One element or one bound less."""
    match node:
        case ast.Set() | ast.List(ctx=ast.Load()) if len(node.elts) > 1:
            opening, closing = ("{", "}") if isinstance(node, ast.Set) else ("[", "]")
            for rest in _without_each(source, node.elts):
                yield Change(*source.span(node), f"{opening}{rest}{closing}", "element")
        case ast.Tuple(ctx=ast.Load()) if len(node.elts) > 1 and _is_collection(node, source):
            for rest in _without_each(source, node.elts):
                yield Change(*source.span(node), f"({rest},)", "element")
        case ast.Dict():
            items = [
                source.text_of(value)
                if key is None
                else f"{source.text_of(key)}: {source.text_of(value)}"
                for key, value in zip(node.keys, node.values, strict=True)
            ]
            for number in range(len(items)):
                rest = ", ".join(items[:number] + items[number + 1 :])
                yield Change(*source.span(node), f"{{{rest}}}", "element")
        case ast.Slice():
            for bound in (node.lower, node.upper):
                if bound is not None:
                    yield Change(*source.span(bound), "", "element")
        case _:
            pass


def _is_collection(node: ast.Tuple, source: Source) -> bool:
    parent = source.parents[node]
    if source.scope(node).function is None:
        return not isinstance(parent, ast.Subscript)
    match parent:
        case ast.Compare(ops=[ast.In() | ast.NotIn()]):
            return parent.comparators[0] is node
        case ast.For() | ast.comprehension():
            return parent.iter is node
        case ast.Call(func=ast.Name(id="isinstance")):
            return True
        case _:
            pass
    return False


def _without_each(source: Source, elements: list[ast.expr]) -> Iterator[str]:
    for left_out in elements:
        yield ", ".join(source.text_of(each) for each in elements if each is not left_out)


CALLS: Final[tuple[Operator, ...]] = (call, element)
