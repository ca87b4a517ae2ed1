"""The lines that `payments doctor` can print, derived from the code that makes them."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from tests.alerts.rules import ROOT

CHECKS: Final = (
    "entrypoints/monitoring/doctor.py",
    "entrypoints/cli/deployment.py",
    "entrypoints/composition/operator.py",
)
"""The files that make results of checks."""

PROBLEMS: Final = (
    "adapters/persistence/sql/health_check.py",
    "adapters/messaging/jetstream/check.py",
    "adapters/messaging/jetstream/suitability.py",
)
"""The files that make the texts of problems; the other texts are errors of the dependencies."""

MIN_WORDS: Final = 3
"""Fewer are a prefix of an error that comes from elsewhere, such as `JetStream: …`."""

GAP: Final = "…"
"""Stands for what a line fills in."""


def check_names() -> set[str]:
    """Return the names of all checks: what a line begins with."""
    found = set[str]()
    for file in CHECKS:
        for node in ast.walk(ast.parse((ROOT / file).read_text())):
            match node:
                case ast.Call(func=ast.Name("CheckResult"), args=[ast.Constant(str(name)), *_]):
                    found.add(name)
                case ast.Tuple(elts=[ast.Constant(str(name)), ast.Attribute()]):
                    found.add(name)
                case ast.FunctionDef(name="_adapter_of"):
                    found.update(_returned(node))
                case _:
                    pass
    return found


def _returned(function: ast.FunctionDef) -> Iterator[str]:
    for node in ast.walk(function):
        if isinstance(node, ast.Return) and node.value is not None:
            for part in ast.walk(node.value):
                match part:
                    case ast.Constant(str(name)) if name.isalpha() and name.islower():
                        yield name


def problem_texts() -> set[str]:
    """Return the texts of problems, with GAP for what is filled in."""
    found = set[str]()
    for file in PROBLEMS:
        for node in ast.walk(ast.parse(Path(ROOT / file).read_text())):
            match node:
                case ast.Yield(value=ast.JoinedStr() | ast.Constant() as text):
                    found.add(_template(text))
                case ast.Call(
                    func=ast.Name("BrokerCheckResult"),
                    args=[ast.Constant(False), ast.JoinedStr() as text],
                ):
                    found.add(_template(text))
                case ast.Call(func=ast.Attribute(attr="append"), args=[text]):
                    if isinstance(text, (ast.JoinedStr, ast.Constant)):
                        found.add(_template(text))
                case ast.Assign(targets=[ast.Name("problem")], value=ast.JoinedStr() as text):
                    found.add(_template(text))
                case ast.Return(value=ast.JoinedStr() as text):
                    found.add(_template(text))
                case _:
                    pass
    return {text for text in found if len(re.findall(r"\w+", text)) >= MIN_WORDS}


def _template(text: ast.JoinedStr | ast.Constant) -> str:
    if isinstance(text, ast.Constant):
        return str(text.value)
    return "".join(
        part.value if isinstance(part, ast.Constant) and isinstance(part.value, str) else GAP
        for part in text.values
    )
