"""The import rules hold, and each of them is shown to fail on a planted violation."""

import shutil
import subprocess
import sys
import sysconfig
import tomllib
from pathlib import Path

import grimp
import pytest

ROOT = Path(__file__).parent.parent
CONFIG = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]
PACKAGES: list[str] = CONFIG["root_packages"]
CONTRACTS = {contract["id"]: contract["name"] for contract in CONFIG["contracts"]}
# A rule, the module that breaks it (a new one, or an existing one that gets one more import), and
# what that module imports.
VIOLATIONS = [
    ("layers", "domain.planted", "application"),
    ("layers", "application.planted", "adapters"),
    ("layers", "adapters.planted", "entrypoints"),
    ("layers", "entrypoints.planted", "payments_kit.conformance"),
    ("layers", "entrypoints.composition.planted", "payments_kit.simulation"),
    ("acyclic", "entrypoints.http.planted", "entrypoints.composition.http"),
    ("acyclic", "payments_kit.simulation.actors", "payments_kit.simulation.world"),
    ("acyclic", "domain.payment", "domain.order"),
    ("acyclic", "application.ports.planted", "application.use_cases.create_charge"),
    ("acyclic", "adapters.persistence.sql.tables", "adapters.persistence.sql.unit_of_work"),
    ("pure-core", "domain.planted", "msgspec"),
    ("pure-core", "application.planted", "structlog"),
    ("composition", "entrypoints.planted", "adapters.gateways"),
    ("composition", "payments_kit.servers.planted", "adapters"),
    ("composition", "payments_kit.simulation.planted", "adapters.persistence.sql.database"),
    ("adapters", "adapters.gateways.planted", "adapters.persistence"),
    ("adapters", "adapters.messaging.planted", "adapters.gateways"),
    ("adapters", "adapters.planted", "adapters.messaging"),
    ("conformance", "payments_kit.conformance.planted", "adapters.gateways"),
    ("conformance", "payments_kit.conformance.planted", "entrypoints.settings"),
    ("model", "payments_kit.simulation.model.planted", "domain.replica"),
    ("model", "payments_kit.simulation.model.records", "payments_kit.simulation.plain"),
    ("doubles", "payments_kit.doubles.planted", "domain.money"),
    ("orders", "payments_kit.orders.planted", "domain.replica"),
    ("orders", "payments_kit.orders.planted", "msgspec"),
    ("kit", "payments_kit.demo.planted", "payments_kit.doubles"),
    ("no-tests", "adapters.gateways.planted", "pytest"),
    ("no-tests", "payments_kit.simulation.planted", "hypothesis"),
    ("stripe", "adapters.persistence.planted", "stripe"),
    ("nats", "entrypoints.planted", "nats"),
    ("sql", "adapters.messaging.planted", "sqlalchemy"),
    ("http", "adapters.gateways.planted", "litestar"),
    ("http", "entrypoints.worker.planted", "uvicorn"),
    ("tracing", "entrypoints.http.planted", "opentelemetry"),
    ("tracing", "adapters.planted", "opentelemetry"),
    ("handlers", "entrypoints.http.errors", "litestar"),
    ("handlers", "entrypoints.http.replies", "entrypoints.http.responses"),
]
# The analysis takes half a second on a quiet machine.
LINT_SECONDS = 120.0


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


def test_the_code_keeps_every_rule() -> None:
    result = lint(ROOT)
    assert result.returncode == 0, result.stdout


def test_every_rule_has_a_planted_violation() -> None:
    assert {contract for contract, _, _ in VIOLATIONS} == set(CONTRACTS)


@pytest.mark.parametrize(("contract", "module", "imported"), VIOLATIONS)
def test_a_violation_is_reported(contract: str, module: str, imported: str, copy: Path) -> None:
    path = copy.joinpath(*module.split(".")).with_suffix(".py")
    original = path.read_text() if path.exists() else None
    path.write_text(f"{original or ''}\nimport {imported}\n")
    try:
        result = lint(copy, "--contract", contract)
    finally:
        path.unlink() if original is None else path.write_text(original)
    assert result.returncode == 1, result.stdout
    assert f"{CONTRACTS[contract]} BROKEN" in result.stdout
    if contract != "acyclic":  # which names the import that would break the circle
        assert module in result.stdout


def test_the_core_imports_only_attrs_and_the_standard_library() -> None:
    graph = grimp.build_graph(
        "domain", "application", include_external_packages=True, cache_dir=None
    )
    outside = {module.split(".")[0] for module in graph.modules} - {"domain", "application"}
    assert outside - sys.stdlib_module_names <= {"attr", "attrs"}


def test_the_specification_imports_only_itself_attrs_and_the_standard_library() -> None:
    graph = grimp.build_graph("payments_kit", include_external_packages=True, cache_dir=None)
    package = "payments_kit.simulation.model"
    imported = {
        name
        for module in graph.find_descendants(package)
        for name in graph.find_modules_directly_imported_by(module)
        if not name.startswith(package)
    }
    assert {name.split(".")[0] for name in imported} - sys.stdlib_module_names <= {"attr", "attrs"}
