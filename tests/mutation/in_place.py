"""Mutants inside functions: the code of living functions is replaced, and nothing is imported."""

import gc
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from types import CodeType, FunctionType
from typing import Final

from tests.mutation.lanes import Notes, Task, Try
from tests.mutation.running import Items, run_tests

# What a function is found by: the name of its code and its first line.
_Place = tuple[str, int]


def living_functions(root: Path) -> dict[str, list[FunctionType]]:
    """Return all functions of the project by the path of their file."""
    gc.unfreeze()
    found = defaultdict[str, list[FunctionType]](list)
    prefix: Final = f"{root}/"
    for each in gc.get_objects():
        if type(each) is FunctionType and each.__code__.co_filename.startswith(prefix):
            found[each.__code__.co_filename.removeprefix(prefix)].append(each)
    return found


def trial_in_place(root: Path, items: Items) -> Try:
    """Return what replaces the code of a function, and then runs tests that are collected."""
    functions = living_functions(root)
    gc.collect()
    gc.freeze()

    def run(task: Task, note: Notes) -> str:
        if task.text is not None:
            assert task.function is not None
            if not replace(root, task.path, task.text, task.function, functions[task.path]):
                return "unsuitable"
        return run_tests(items, task.tests, note)

    return run


def replace(root: Path, path: str, text: bytes, name: str, functions: list[FunctionType]) -> bool:
    """Give each function of this name, and those inside, its code in the text; False if none is."""
    file = str(root / path)
    before = _codes(compile((root / path).read_bytes(), file, "exec", dont_inherit=True))
    after = _codes(compile(text, file, "exec", dont_inherit=True))
    changed = dict[_Place, CodeType]()
    for qualname, codes in before.items():
        if qualname == name or qualname.startswith(f"{name}.<locals>."):
            for old, new in zip(codes, after.get(qualname, []), strict=False):
                changed[qualname, old.co_firstlineno] = new
    count = 0
    for function in functions:
        code = function.__code__
        new_code = changed.get((code.co_qualname, code.co_firstlineno))
        if new_code is not None:
            if new_code.co_freevars != code.co_freevars:
                return False
            function.__code__ = new_code
            count += 1
    return count > 0


def _codes(code: CodeType) -> dict[str, list[CodeType]]:
    found = defaultdict[str, list[CodeType]](list)
    for each in _walk(code):
        found[each.co_qualname].append(each)
    return found


def _walk(code: CodeType) -> Iterator[CodeType]:
    yield code
    for each in code.co_consts:
        if isinstance(each, CodeType):
            yield from _walk(each)
