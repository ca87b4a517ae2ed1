"""What `payments --help` and README.md say about the variables, from their declarations."""

import re
import textwrap
from collections.abc import Iterator
from typing import Final

from attrs import NOTHING

from entrypoints.settings import VARIABLES
from entrypoints.settings.variable import NO_DEFAULT

# The help is read in a terminal; 79 columns fit into every one.
_COLUMNS: Final = 79


def markdown_table() -> str:
    """Return the table of README.md."""
    rows = (f"| `{name}` | {meaning} | {default} |" for name, meaning, default in _described())
    return "\n".join(("| variable | meaning | default |", "|---|---|---|", *rows))


def help_text() -> str:
    """Return the text below the commands in `payments --help`."""
    width = max(map(len, VARIABLES)) + 2
    lines = ["\b", "The configuration consists of environment variables:"]
    for name, meaning, default in _described():
        suffix = f" [{_plain(default)}]" if default != NO_DEFAULT else ""
        first, *rest = _wrap(_plain(meaning) + suffix, _COLUMNS - width - 2)
        lines += [f"  {name:<{width}}{first}", *(" " * (width + 2) + line for line in rest)]
    secrets = ", ".join(name for name, (_, each) in VARIABLES.items() if each.is_secret)
    lines += _wrap(
        f"A secret may come as a file, such as JWT_KEY_FILE=/run/secrets/jwt-key: {secrets}.",
        _COLUMNS,
    )
    return "\n".join(lines)


def _described() -> Iterator[tuple[str, str, str]]:
    """Yield name, meaning and default of each variable."""
    for name, (attribute, variable) in VARIABLES.items():
        if variable.default is not None:
            default = variable.default
        elif attribute.default in (None, (), NOTHING):
            default = NO_DEFAULT
        else:
            default = f"`{attribute.default}`"
        yield name, variable.meaning, default


def _wrap(text: str, columns: int) -> list[str]:
    return textwrap.wrap(text, columns, break_on_hyphens=False)


def _plain(text: str) -> str:
    """Return the text without Markdown's marks and links."""
    return re.sub(r"\[([^]]*)\]\([^)]*\)", r"\1", text).replace("`", "")
