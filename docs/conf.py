"""The documentation as a site: `make docs` builds it into build/docs.

The source folder is the project's own, so that a page has the same links here and in a checkout.
"""

import re
import tomllib
from pathlib import Path

from sphinx.application import Sphinx

_PROJECT = tomllib.loads((Path(__file__).parent.parent / "pyproject.toml").read_text())["project"]

project = "payments"
author = "the payments team"
release = version = _PROJECT["version"]
root_doc = "docs/index"
language = "en"

extensions = [
    "myst_parser",
    "sphinx.ext.autodoc",
    "sphinx_click",
    "sphinx_copybutton",
    "sphinxcontrib.mermaid",
]
include_patterns = ["*.md", "docs/**.md"]
exclude_patterns = [".*"]
source_suffix = {".md": "markdown"}

# Headings have the same anchors as in a checkout that a forge shows.
myst_heading_anchors = 4
myst_fence_as_directive = ["mermaid"]

autodoc_member_order = "bysource"
autodoc_typehints = "description"
autodoc_default_options = {"members": True, "undoc-members": True}

# In docstrings, `name` is a name of the code.
default_role = "code"

copybutton_exclude = ".linenos, .gp, .go"

html_theme = "shibuya"
html_title = f"payments {release}"
templates_path = ["_templates"]
html_static_path = ["_static"]
html_css_files = ["site.css"]
html_copy_source = html_show_sourcelink = False
html_theme_options = {
    "accent_color": "indigo",
    "globaltoc_expand_depth": 1,
    "nav_links": [
        {"title": "Tutorial", "url": "docs/tutorial"},
        {"title": "Operate", "url": "docs/operations"},
        {"title": "Reference", "url": "docs/reference/index"},
        {"title": "Understand", "url": "docs/architecture"},
    ],
}


def _adapt_docstring(
    _app: Sphinx, _what: str, _name: str, _object: object, _options: object, lines: list[str]
) -> None:
    """Show what a docstring lists under `Raises:` as a list."""
    text = "\n".join(map(_without_links, lines))
    lines[:] = re.sub(
        r"^( *)(.*\braises:)\n((?:\1 +.*(?:\n|$))+)", _raised, text, flags=re.M | re.I
    ).split("\n")


def _raised(section: re.Match[str]) -> str:
    margin, title, errors = section.groups()
    items = re.sub(r"^ +([\w, ]+): ", rf"\n{margin}- ``\1``: ", errors, flags=re.M)
    return f"{margin}{title}\n{items}"


def _keep_underscores(_app: Sphinx, _context: object, lines: list[str]) -> None:
    lines[:] = map(_without_links, lines)


def _without_links(line: str) -> str:
    """Keep `sk_…` from being read as a link, and a lone `*` as emphasis."""
    return re.sub(r"(?<=\w)_(?!\w)|(?<!\*)\*(?!\*)", r"\\\g<0>", line)


def setup(app: Sphinx) -> None:
    """Adapt what the extensions read."""
    app.connect("autodoc-process-docstring", _adapt_docstring)
    for part in ("description", "options", "arguments"):
        app.connect(f"sphinx-click-process-{part}", _keep_underscores)
    # The table of variables, which the page has a link to.
    app.connect("sphinx-click-process-epilog", lambda _app, _context, lines: lines.clear())
