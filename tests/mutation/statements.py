"""What is changed in statements."""

import ast
from collections.abc import Iterator
from typing import Final

from tests.mutation.source import Change, Operator, Source


def statement(node: ast.AST, source: Source) -> Iterator[Change]:
    """An effect is left out."""
    match node:
        case (
            ast.Expr(value=ast.Await() | ast.Call()) | ast.Raise() | ast.Delete() | ast.AugAssign()
        ):
            yield Change(*source.span(node), "pass", "statement")
        case ast.Assign(targets=[ast.Attribute() | ast.Subscript()]):
            yield Change(*source.span(node), "pass", "statement")
        case ast.Break():
            yield Change(*source.span(node), "continue", "loop")
        case ast.Continue():
            yield Change(*source.span(node), "break", "loop")
        case _:
            pass


def update(node: ast.AST, source: Source) -> Iterator[Change]:
    """`+=` becomes `-=`."""
    if isinstance(node, ast.AugAssign):
        old, new = {ast.Add: ("+=", "-="), ast.Sub: ("-=", "+=")}.get(type(node.op), ("", ""))
        start, end = source.span(node.target)[1], source.span(node.value)[0]
        place = source.text.find(old.encode(), start, end) if old else -1
        if place >= 0:
            yield Change(place, place + 2, new, "arithmetic")


def case(node: ast.AST, source: Source) -> Iterator[Change]:
    """A case is never chosen, or one of its alternatives is left out."""
    match node:
        case ast.match_case(pattern=ast.MatchAs(pattern=None)):
            pass
        case ast.match_case(pattern=pattern, guard=None):
            yield Change(*source.span(pattern), f"{source.text_of(pattern)} if False", "case")
        case ast.MatchOr():
            for left_out in node.patterns:
                rest = [source.text_of(each) for each in node.patterns if each is not left_out]
                yield Change(*source.span(node), " | ".join(rest), "case")
        case _:
            pass


def caught(node: ast.AST, source: Source) -> Iterator[Change]:
    """An exception is not caught."""
    match node:
        case ast.ExceptHandler(type=ast.Tuple() as kinds):
            for left_out in kinds.elts:
                rest = [source.text_of(each) for each in kinds.elts if each is not left_out]
                yield Change(*source.span(kinds), f"({', '.join(rest)},)", "except")
        case ast.ExceptHandler(type=ast.expr() as kind):
            yield Change(*source.span(kind), "()", "except")
        case _:
            pass


STATEMENTS: Final[tuple[Operator, ...]] = (statement, update, case, caught)
