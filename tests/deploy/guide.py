"""Read the blocks of a how-to, so that a test does what the page says."""

import re
import textwrap
from pathlib import Path
from typing import Final

from tests.deploy.dockerfile import ROOT

FOLDER: Final = ROOT / "docs/how-to"


def blocks(page: str, language: str, section: str | None = None) -> list[str]:
    """Return the code blocks of a language, in order; of one section or of the page."""
    text = Path(FOLDER / page).read_text()
    if section is not None:
        [text] = re.findall(rf"^## {re.escape(section)}\n(.*?)(?=^## |\Z)", text, re.M | re.S)
    found = re.findall(rf"^ *```{language}\n(.*?)^ *```$", text, re.M | re.S)
    return [textwrap.dedent(each).strip() for each in found]


def variables(block: str) -> dict[str, str]:
    """Return the variables that a block sets."""
    pairs = (line.partition("=") for line in block.splitlines())
    return {name: value for name, _, value in pairs}
