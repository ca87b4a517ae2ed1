"""What is changed in expressions."""

import ast
import enum
import re
from collections.abc import Iterator
from itertools import pairwise
from types import UnionType
from typing import Final

from tests.mutation.source import Change, FunctionNode, Operator, Source

_OPERATORS: Final[dict[type[ast.cmpop], tuple[str, tuple[str, ...]]]] = {
    ast.Lt: (r"<", ("<=", ">=")),
    ast.LtE: (r"<=", ("<", ">")),
    ast.Gt: (r">", (">=", "<=")),
    ast.GtE: (r">=", (">", "<")),
    ast.Eq: (r"==", ("!=",)),
    ast.NotEq: (r"!=", ("==",)),
    ast.Is: (r"\bis\b", ("is not",)),
    ast.IsNot: (r"\bis\s+not\b", ("is",)),
    ast.In: (r"\bin\b", ("not in",)),
    ast.NotIn: (r"\bnot\s+in\b", ("in",)),
}

_ARITHMETIC: Final[dict[type[ast.operator], tuple[str, str]]] = {
    ast.Add: ("+", "-"),
    ast.Sub: ("-", "+"),
    ast.Mult: ("*", "//"),
    ast.Div: ("/", "*"),
    ast.FloorDiv: ("//", "*"),
    ast.Mod: ("%", "//"),
    ast.Pow: ("**", "*"),
    ast.LShift: ("<<", ">>"),
    ast.RShift: (">>", "<<"),
}


MUTATED: Final = '"mutated"'


def comparison(node: ast.AST, source: Source) -> Iterator[Change]:
    if isinstance(node, ast.Compare):
        for (left, right), operator in zip(
            pairwise([node.left, *node.comparators]), node.ops, strict=True
        ):
            pattern, others = _OPERATORS[type(operator)]
            if len(others) == 1 and is_whole_condition(node, source):
                continue
            for other in others:
                yield from _between(source, left, right, pattern, other, "comparison")


def boolean(node: ast.AST, source: Source) -> Iterator[Change]:
    """`and` becomes `or`, each operand is removed, `not` is removed, True becomes False."""
    match node:
        case ast.BoolOp():
            old, new = ("and", "or") if isinstance(node.op, ast.And) else ("or", "and")
            start, end = source.span(node)
            text = source.text_of(node.values[0])
            for left, right in pairwise(node.values):
                gap = source.text[source.span(left)[1] : source.span(right)[0]].decode()
                text += re.sub(rf"\b{old}\b", new, gap, count=1) + source.text_of(right)
            yield Change(
                start, end, f"({_opened(source, node)}{text}{_closed(source, node)})", "boolean"
            )
            for value in node.values:
                rest = [each for each in node.values if each is not value]
                kept = f" {old} ".join(operand_text(source, each) for each in rest)
                yield Change(start, end, kept, "operand")
        case ast.UnaryOp(op=ast.Not()) if is_whole_condition(node, source):
            pass
        case ast.UnaryOp(op=ast.Not() | ast.USub(), operand=operand):
            kind = "boolean" if isinstance(node.op, ast.Not) else "arithmetic"
            yield Change(*source.span(node), f"({source.text_of(operand)})", kind)
        case ast.Constant(value=bool() as value):
            yield Change(*source.span(node), str(not value), "boolean")
        case _:
            pass


def is_whole_condition(node: ast.expr, source: Source) -> bool:
    """Whether a test that finds `True` and `False` in its place finds also its opposite."""
    match source.parents[node]:
        case ast.If(test=test) | ast.IfExp(test=test) | ast.match_case(guard=test):
            return test is node
        case ast.comprehension(ifs=tests):
            return node in tests
        case ast.Return():
            return True
        case _:
            return False


def condition(node: ast.AST, source: Source) -> Iterator[Change]:
    """A condition is always true, or never."""
    tests = list[ast.expr]()
    match node:
        case ast.If() | ast.IfExp() | ast.While():
            tests = [node.test]
        case ast.comprehension():
            tests = node.ifs
        case ast.match_case(guard=ast.expr() as guard):
            tests = [guard]
        case _:
            pass
    for test in tests:
        if not isinstance(test, ast.Constant):
            yield Change(*source.span(test), "False", "condition")
            if not isinstance(node, ast.While):
                yield Change(*source.span(test), "True", "condition")


def arithmetic(node: ast.AST, source: Source) -> Iterator[Change]:
    match node:
        case ast.BinOp(op=ast.BitOr()) if _is_type(node, source):
            pass
        case ast.BinOp(op=ast.BitOr() | ast.BitAnd()):
            for kept in (node.left, node.right):
                yield Change(*source.span(node), operand_text(source, kept), "operand")
        case ast.BinOp() if type(node.op) in _ARITHMETIC:
            old, new = _ARITHMETIC[type(node.op)]
            yield from _between(source, node.left, node.right, re.escape(old), new, "arithmetic")
            if isinstance(node.op, ast.Sub) and source.scope(node).function is None:
                yield Change(*source.span(node), operand_text(source, node.left), "operand")
        case _:
            pass


def _is_type(node: ast.AST, source: Source) -> bool:
    """Whether it is a part of an alias of a type, which only type checkers read."""
    for parent in source.ancestors(node):
        if isinstance(parent, ast.Assign) and isinstance(parent.targets[0], ast.Name):
            return isinstance(source.value_of(parent.targets[0].id), UnionType)
    return False


def number(node: ast.AST, source: Source) -> Iterator[Change]:
    """One more; half and twice as much if it is a time.

    The times that are constants are left out: tests/times halves and doubles each of them.
    """
    if isinstance(node, ast.Constant) and type(node.value) in (int, float):
        value = node.value
        assert isinstance(value, int | float)
        if _is_time(node, source) and source.scope(node).name == "<module>":
            return
        if value and _is_time(node, source):
            half = value // 2 if isinstance(value, int) and value % 2 == 0 else value / 2
            yield Change(*source.span(node), repr(half), "time")
            yield Change(*source.span(node), repr(value * 2), "time")
        else:
            yield Change(*source.span(node), repr(value + 1), "number")


def _is_time(node: ast.AST, source: Source) -> bool:
    for parent in source.ancestors(node):
        match parent:
            case ast.Call(func=ast.Name(id="timedelta")):
                return True
            case ast.AnnAssign(target=ast.Name(id=name)) if name.endswith("SECONDS"):
                return True
            case _:
                pass
    return False


def string(node: ast.AST, source: Source) -> Iterator[Change]:
    """Another text, except for prose, which only people read."""
    match node:
        case ast.Constant(value=str() as value) if not re.search(r"\s", value.strip("\n")):
            yield Change(*source.span(node), MUTATED, "string")
        case ast.Constant(value=bytes()):
            yield Change(*source.span(node), f"b{MUTATED}", "string")
        case _:
            pass


def member(node: ast.AST, source: Source) -> Iterator[Change]:
    """The next member of the same enum."""
    match node:
        case ast.Attribute(value=ast.Name(id=name), attr=attribute):
            kind = source.value_of(name)
            if isinstance(kind, enum.EnumType) and attribute in kind.__members__:
                members = list(kind.__members__)
                other = members[(members.index(attribute) + 1) % len(members)]
                if other != attribute:
                    yield Change(*source.span(node), f"{name}.{other}", "enum")
        case _:
            pass


def result(node: ast.AST, source: Source) -> Iterator[Change]:
    """Another value is returned."""
    if isinstance(node, ast.Return) and node.value is not None:
        function = next(each for each in source.ancestors(node) if isinstance(each, FunctionNode))
        if isinstance(node.value, ast.Constant):
            return
        is_bool = isinstance(function.returns, ast.Name) and function.returns.id == "bool"
        for value in ("True", "False") if is_bool else ("None",):
            yield Change(*source.span(node.value), value, "result")


EXPRESSIONS: Final[tuple[Operator, ...]] = (
    *(comparison, boolean, condition, arithmetic, number, string, member, result),
)


def operand_text(source: Source, node: ast.expr) -> str:
    text = source.text_of(node)
    simple = ast.Name | ast.Attribute | ast.Call | ast.Constant | ast.Subscript | ast.Compare
    return text if isinstance(node, simple) else f"({text})"


def _opened(source: Source, node: ast.BoolOp) -> str:
    """Return the brackets before the first operand that are inside the node's span."""
    return source.text[source.span(node)[0] : source.span(node.values[0])[0]].decode()


def _closed(source: Source, node: ast.BoolOp) -> str:
    return source.text[source.span(node.values[-1])[1] : source.span(node)[1]].decode()


def _between(
    source: Source, left: ast.expr, right: ast.expr, pattern: str, new: str, kind: str
) -> Iterator[Change]:
    """Yield another operator between two operands."""
    start, end = source.span(left)[1], source.span(right)[0]
    found = re.search(pattern, source.text[start:end].decode())
    if found is not None:
        yield Change(start + found.start(), start + found.end(), new, kind)
