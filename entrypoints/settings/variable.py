"""Variable: the one declaration of an environment variable, kept at the field of Settings."""

from collections.abc import Callable
from typing import Final

from attrs import Attribute, fields, frozen

_METADATA: Final = "variable"

REQUIRED: Final = "required"
NO_DEFAULT: Final = "–"


@frozen
class Variable:
    """An environment variable: how it is read, and what `--help` and the README say about it."""

    name: str
    parse: Callable[[str], object]
    """Returns the value of the field; raises ValueError with the problem, without the value."""
    meaning: str
    """A phrase in Markdown, for `--help` and for the README."""
    default: str | None = None
    """The default as the documents describe it; None for the default of the field itself."""
    is_secret: bool = False
    """Whether it may come as a file, too; its field has no repr."""
    keeps_spaces: bool = False
    """Whether spaces and newlines around the value belong to it."""


def declare(
    name: str,
    parse: Callable[[str], object],
    meaning: str,
    *,
    default: str | None = None,
    is_secret: bool = False,
    keeps_spaces: bool = False,
) -> dict[str, Variable]:
    """Return the metadata that makes a field of Settings read this variable."""
    return {_METADATA: Variable(name, parse, meaning, default, is_secret, keeps_spaces)}


def declared(settings: type) -> dict[str, tuple["Attribute[object]", Variable]]:
    """Return the fields that are read from variables, by the name of the variable, in order."""
    found = ((each, each.metadata.get(_METADATA)) for each in fields(settings))
    return {variable.name: (each, variable) for each, variable in found if variable is not None}
