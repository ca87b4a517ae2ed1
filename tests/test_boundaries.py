"""The boundaries between the folders hold, and each of them can be seen to fail."""

import shutil
import subprocess
import sys
import sysconfig
import tomllib
from pathlib import Path

import grimp
import pytest

ROOT = Path(__file__).parent.parent
PACKAGES = ("domain", "application", "adapters", "entrypoints", "payments_kit.conformance")
CONTRACTS = {
    contract["id"]: contract["name"]
    for contract in tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"][
        "contracts"
    ]
}
# What each boundary forbids: a module that should not, and what it imports.
FORBIDDEN = [
    ("layers", "domain.planted", "application"),
    ("layers", "application.planted", "adapters"),
    ("layers", "adapters.planted", "entrypoints"),
    ("layers", "entrypoints.planted", "payments_kit.conformance.harness"),
    ("layers", "payments_kit.conformance.planted", "entrypoints"),
    ("pure-core", "domain.planted", "msgspec"),
    ("pure-core", "application.planted", "structlog"),
    ("composition", "entrypoints.planted", "adapters.gateways"),
    ("composition", "payments_kit.servers.planted", "adapters"),
    ("adapters", "adapters.gateways.planted", "adapters.persistence"),
    ("adapters", "adapters.messaging.planted", "adapters.gateways"),
    ("adapters", "adapters.planted", "adapters.messaging"),
    ("kit", "payments_kit.conformance.planted", "adapters.gateways"),
    ("no-tests", "adapters.gateways.planted", "pytest"),
    ("no-tests", "entrypoints.planted", "hypothesis"),
    ("stripe", "adapters.persistence.planted", "stripe"),
    ("nats", "entrypoints.planted", "nats"),
    ("sql", "adapters.messaging.planted", "sqlalchemy"),
    ("http", "adapters.gateways.planted", "litestar"),
]
# The analysis takes half a second on a quiet machine.
LINT_SECONDS = 60.0


def lint(tree: Path, *options: str) -> subprocess.CompletedProcess[str]:
    command = [f"{sysconfig.get_path('scripts')}/lint-imports", "--no-cache", *options]
    return subprocess.run(
        command, cwd=tree, capture_output=True, text=True, check=False, timeout=LINT_SECONDS
    )


@pytest.fixture(scope="module")
def copy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    tree = tmp_path_factory.mktemp("tree")
    shutil.copy(ROOT / "pyproject.toml", tree)
    only_code = shutil.ignore_patterns("__pycache__", "static")
    for package in PACKAGES:
        shutil.copytree(ROOT / package, tree / package, ignore=only_code)
    return tree


def test_the_code_keeps_every_boundary() -> None:
    done = lint(ROOT)
    assert done.returncode == 0, done.stdout


def test_every_boundary_has_something_that_it_forbids() -> None:
    assert {contract for contract, _, _ in FORBIDDEN} == set(CONTRACTS)


@pytest.mark.parametrize(("contract", "module", "imported"), FORBIDDEN)
def test_a_forbidden_import_is_seen(contract: str, module: str, imported: str, copy: Path) -> None:
    planted = copy.joinpath(*module.split(".")).with_suffix(".py")
    planted.write_text(f"import {imported}\n")
    try:
        done = lint(copy, "--contract", contract)
    finally:
        planted.unlink()
    assert done.returncode == 1, done.stdout
    assert f"{CONTRACTS[contract]} BROKEN" in done.stdout
    assert module in done.stdout


def test_the_core_imports_only_attrs_and_the_standard_library() -> None:
    graph = grimp.build_graph(
        "domain", "application", include_external_packages=True, cache_dir=None
    )
    outside = {module.split(".")[0] for module in graph.modules} - {"domain", "application"}
    assert outside - sys.stdlib_module_names <= {"attr", "attrs"}
