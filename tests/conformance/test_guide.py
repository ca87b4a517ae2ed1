"""The guide is true: its blocks are run in their order, and print what it shows."""

import re
import shutil
from pathlib import Path

from tests.conformance.shell import DOUBLE, EXAMPLES, GUIDE, run

BLOCKS = re.findall(
    r"^```(python|console)\n(.*?)^```$", GUIDE.read_text(), re.DOTALL | re.MULTILINE
)
LEFT_OUT = "…"


def write(folder: Path, block: str) -> None:
    """A block of code begins with its file; a file is written anew unless it says `continued`."""
    head, _, code = block.partition("\n")
    name, _, continued = head.removeprefix("# ").partition(", ")
    file = folder / name
    file.parent.mkdir(exist_ok=True)
    file.write_text(file.read_text() + code if continued else code)


def check(folder: Path, block: str) -> None:
    """A block of a console is a command, and what it says in that order."""
    command, *lines = block.removeprefix("$ ").splitlines()
    said = run(command, folder).stdout
    place = 0
    for line in lines:
        if line != LEFT_OUT:
            assert line in said[place:], f"{command!r} does not say {line!r} there:\n{said}"
            place = said.index(line, place) + len(line)


def test_whoever_follows_the_guide_comes_to_the_example(tmp_path: Path) -> None:
    shutil.copy(EXAMPLES / DOUBLE, tmp_path)
    for kind, block in BLOCKS:
        (write if kind == "python" else check)(tmp_path, block)
    written = [file for file in tmp_path.rglob("*.py") if file.name != DOUBLE]
    assert len(written) == 3
    for file in written:
        assert file.read_text() == (EXAMPLES / file.relative_to(tmp_path)).read_text()
