"""Read a Dockerfile: its stages and their instructions, for checks and to follow its steps."""

import json
import re
from collections.abc import Iterator
from fnmatch import fnmatch
from pathlib import Path
from typing import Final

from attrs import frozen

ROOT: Final = Path(__file__).parents[2]
DOCKERFILE: Final = ROOT / "deploy/docker/Dockerfile"


@frozen
class Instruction:
    """One instruction, with its continued lines joined."""

    name: str
    arguments: str

    @property
    def words(self) -> list[str]:
        """The arguments: of the JSON form, or separated by spaces."""
        if self.arguments.startswith("["):
            words: list[str] = json.loads(self.arguments)
            return words
        return self.arguments.split()


@frozen
class Stage:
    """A stage of a build, which begins with FROM."""

    base: str
    instructions: tuple[Instruction, ...]

    def all(self, name: str) -> list[Instruction]:
        """Return all instructions of this name, in order."""
        return [each for each in self.instructions if each.name == name]

    def one(self, name: str) -> Instruction:
        """Return the only instruction of this name."""
        [found] = self.all(name)
        return found


def instructions(text: str) -> Iterator[Instruction]:
    """Yield the instructions of a Dockerfile; comments are left out."""
    lines = "\n".join(line for line in text.splitlines() if not line.lstrip().startswith("#"))
    for line in lines.replace("\\\n", " ").splitlines():
        if line.strip():
            name, _, arguments = line.strip().partition(" ")
            yield Instruction(name, re.sub(r"\s+", " ", arguments.strip()))


def read_stages(file: Path = DOCKERFILE) -> list[Stage]:
    """Return the stages, with the arguments before them filled in."""
    arguments: dict[str, str] = {}
    stages: list[Stage] = []
    for each in instructions(file.read_text()):
        if each.name == "FROM":
            base = re.sub(r"\$\{(\w+)\}", lambda match: arguments[match[1]], each.words[0])
            stages.append(Stage(base, ()))
        elif each.name == "ARG" and not stages:
            name, _, value = each.arguments.partition("=")
            arguments[name] = value
        else:
            last = stages[-1]
            stages[-1] = Stage(last.base, (*last.instructions, each))
    return stages


def is_sent(path: str) -> bool:
    """Whether .dockerignore lets the client send this file of the project."""
    sent = True
    parents = [path, *(str(each) for each in Path(path).parents if str(each) != ".")]
    for line in (ROOT / ".dockerignore").read_text().splitlines():
        pattern = line.removeprefix("!").removeprefix("**/")
        if line and not line.startswith("#"):
            names = [Path(each).name for each in parents] if "**/" in line else parents
            if any(fnmatch(each, pattern) for each in names):
                sent = line.startswith("!")
    return sent
