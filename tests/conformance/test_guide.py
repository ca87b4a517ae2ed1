"""The guide is correct: its code blocks run in order, and print the output that it shows."""

import ast
import re
import shutil
import tomllib
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.conformance.shell import DOUBLE, EXAMPLES, GUIDE, ROOT, run

BLOCKS = re.findall(
    r"^```(python|console)\n(.*?)^```$", GUIDE.read_text(), re.DOTALL | re.MULTILINE
)
OMITTED = "…"
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
FORBIDDEN = {*PROJECT["tool"]["hatch"]["build"]["targets"]["wheel"]["packages"], "tests"} - {
    "domain",
    "application",
}


def forbidden_imports(code: str) -> list[str]:
    """Return the imports of our packages that an adapter may not use."""
    modules = []
    for node in ast.walk(ast.parse(code)):
        if isinstance(node, ast.Import):
            modules += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            modules.append(node.module or "")
    return [module for module in modules if module.partition(".")[0] in FORBIDDEN]


def write(folder: Path, block: str) -> None:
    """Write the file that a block names; `continued` appends to it."""
    head, _, code = block.partition("\n")
    name, _, continued = head.removeprefix("# ").partition(", ")
    file = folder / name
    file.parent.mkdir(exist_ok=True)
    file.write_text(file.read_text() + code if continued else code)
    assert forbidden_imports(file.read_text()) == []


def check(folder: Path, block: str) -> None:
    """Run a console block's command, and find the shown lines in its output, in order."""
    command, *lines = block.removeprefix("$ ").splitlines()
    output = run(command, folder).stdout
    place = 0
    for line in lines:
        if line != OMITTED:
            assert line in output[place:], f"{command!r} does not print {line!r} there:\n{output}"
            place = output.index(line, place) + len(line)


def test_following_the_guide_produces_the_example(tmp_path: Path) -> None:
    shutil.copy(EXAMPLES / DOUBLE, tmp_path)
    # The commands run at the same time, each in a copy of what is written by then: the kit waits.
    with ThreadPoolExecutor() as threads:
        checks = []
        for number, (language, block) in enumerate(BLOCKS):
            if language == "python":
                write(tmp_path, block)
            else:
                folder = tmp_path.with_name(f"{tmp_path.name}-{number}")
                checks.append(threads.submit(check, shutil.copytree(tmp_path, folder), block))
        for each in checks:
            each.result()
    written = [file for file in tmp_path.rglob("*.py") if file.name != DOUBLE]
    assert len(written) == 7
    for file in written:
        assert file.read_text() == (EXAMPLES / file.relative_to(tmp_path)).read_text()


@pytest.mark.parametrize(
    "file",
    sorted((*EXAMPLES.glob("tillpay*.py"), *EXAMPLES.glob("tillpay/*.py"))),
    ids=lambda file: file.name,
)
def test_an_example_imports_only_the_domain_and_the_application(file: Path) -> None:
    assert forbidden_imports(file.read_text()) == []


@pytest.mark.parametrize(
    "planted",
    [
        "from entrypoints.settings import InvalidSetting",
        "import attrs, adapters.gateways.in_memory as gateways",
        "def make_gateway():\n    from payments_kit.conformance import harness",
        "from tests import builders",
    ],
)
def test_a_planted_import_of_another_package_is_found(planted: str) -> None:
    example = (EXAMPLES / "tillpay" / "gateway.py").read_text()
    assert len(forbidden_imports(f"{example}\n{planted}\n")) == 1
