"""The documents match the code: versions, variables, links and the drawn import graph."""

import re
import tomllib
from collections.abc import Iterator
from pathlib import Path

import grimp
import pytest

from entrypoints.settings.reference import markdown_table

ROOT = Path(__file__).parent.parent
DOCUMENTS = sorted(
    path
    for path in (*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md"))
    if not path.name.startswith(".")
)
# Words that a term of the glossary has replaced, and the files that read or describe old data.
REPLACED = (
    *("hears?", "heard", "wish(?:es)?", "dossiers?", "mishaps?", "somebody", "whoever", "dice"),
    *("by another hand", "calls? off", "unwanted", "poison(?:ous)?", "bury|buried", "under way"),
)
OLD_NAMES = (
    r"0001|0002|0004|0007|0011_accept|0012|0016|0024_c|rename_old_values|stored_names|old_records"
    r"|CHANGELOG|tests/(adapters/persistence/(release|test_(migrate|schema))|.*test_fake|test_documents)"
)
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
LAYERS = PROJECT["tool"]["importlinter"]["root_packages"]


def test_the_newest_entry_of_the_changelog_is_this_version() -> None:
    versions = re.findall(r"^## \[(\S+)\]", (ROOT / "CHANGELOG.md").read_text(), re.MULTILINE)
    assert versions[0] == PROJECT["project"]["version"]


def test_the_readme_has_the_declared_variables() -> None:
    # After a change: `python -m entrypoints.settings` prints the table.
    assert f"\n\n{markdown_table()}\n\n" in (ROOT / "README.md").read_text()


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_every_relative_link_leads_somewhere(document: Path) -> None:
    for target in re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", document.read_text()):
        assert (document.parent / target).exists(), target


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_every_named_file_exists(document: Path) -> None:
    for name in re.findall(r"`([\w/]+/\w+\.py|test_\w+)`", document.read_text()):
        file = name if name.endswith(".py") else f"tests/system/{name}.py"
        assert (ROOT / file).exists(), name


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_prose_is_wrapped(document: Path) -> None:
    in_code = False
    for number, line in enumerate(document.read_text().splitlines(), start=1):
        in_code ^= line.startswith("```")
        is_free = in_code or line.startswith(("|", "!["))
        assert is_free or len(line) <= 100, f"{document.name}:{number}"


def test_no_file_uses_a_replaced_word() -> None:
    pattern = re.compile(rf"\b({'|'.join(REPLACED)})\b", re.IGNORECASE)
    code = (
        path for folder in (*LAYERS, "tests", "docs") for path in ROOT.glob(f"{folder}/**/*.py")
    )
    found = {
        f"{path.relative_to(ROOT)}: {match.group()}"
        for path in (*code, *DOCUMENTS)
        if not re.search(OLD_NAMES, str(path.relative_to(ROOT)))
        for match in pattern.finditer(path.read_text())
    }
    assert not found


def sibling_imports() -> Iterator[tuple[str, str]]:
    """Yield the imports between the packages and modules of each layer but the domain."""
    graph = grimp.build_graph(*LAYERS, cache_dir=None)
    for layer in LAYERS[1:]:
        for child in graph.find_children(layer):
            for module in {child, *graph.find_descendants(child)}:
                for imported in graph.find_modules_directly_imported_by(module):
                    sibling = ".".join(imported.split(".")[:2])
                    if imported.startswith(f"{layer}.") and sibling != child:
                        yield child, sibling


def test_the_drawn_import_graph_is_the_real_one() -> None:
    text = (ROOT / "docs/architecture.md").read_text().partition("## The import graph")[2]
    drawn: set[tuple[str, str]] = set()
    for importer, imported in re.findall(r"^ +([\w.]+) --> ([\w. &]+)$", text, re.MULTILINE):
        drawn |= {(importer, each) for each in imported.split(" & ")}
    assert drawn == set(sibling_imports())
