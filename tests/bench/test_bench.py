"""The parts of the benchmark work; no speed is asserted."""

from collections.abc import Iterator

import pytest
from rich.console import Console

from adapters.persistence.sql.retention import BATCH
from tests.bench.charges import Charging, charge_once
from tests.bench.database import Database
from tests.bench.filling import fill
from tests.bench.hot_statements import declared_statements, hot_statements
from tests.bench.lab import Lab, Service
from tests.bench.load import BenchFailed, Load
from tests.bench.pgbench import Floor
from tests.bench.plans import find_full_scans
from tests.bench.report import markdown
from tests.bench.results import Measured, Result, Sample

# Long enough for some requests on a loaded machine.
SECONDS = 0.5

KEYS = """
    SELECT conname, pg_get_constraintdef(oid) FROM pg_constraint
    UNION ALL SELECT indexname, indexdef FROM pg_indexes ORDER BY 1, 2
"""


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    with Lab.open(tmp_path_factory.mktemp("bench")) as lab:
        yield lab


@pytest.fixture(scope="module")
def database(lab: Lab) -> Database:
    return lab.database("test")


@pytest.fixture(scope="module")
def service(lab: Lab, database: Database) -> Iterator[Service]:
    with lab.serve(database) as service:
        yield service


@pytest.fixture
def charging(lab: Lab, database: Database, service: Service) -> Charging:
    return Charging(database, (service,), lab.postgres_pid, SECONDS, connections=2)


@pytest.mark.parametrize("key", [False, True])
def test_charges_are_measured_with_the_cpu_time_of_each_process(
    charging: Charging, key: bool
) -> None:
    sample = charging.run(key=key)
    assert sample.value > 0
    assert sample.cpu.keys() == {"serve", "postgres", "client"}
    assert sample.details["WAL bytes"] > 0


def test_the_floor_of_a_charge_is_two_transactions_of_pgbench(lab: Lab) -> None:
    database = lab.database("floor")
    sample = Floor.create(database, lab.postgres_pid, lab.folder).run(1, 2)
    assert sample.value > 0
    settled = "SELECT count(*) FROM floor_payments WHERE status = 'succeeded'"
    assert database.fetch(settled) == database.fetch("SELECT count(*) FROM floor_outbox")


def test_a_reply_that_is_not_expected_ends_the_benchmark(service: Service) -> None:
    request = "GET /api/payments/none HTTP/1.1\r\nHost: shop.example\r\n\r\n"
    load = Load([service.address], [request], SECONDS, 1, expected=200, repeat=True)
    with pytest.raises(BenchFailed, match="401"):
        load.run({})


def test_a_ratio_is_of_the_work_and_the_floor_of_the_same_round() -> None:
    work = Measured("work", [Sample(10, {"serve": 30, "client": 9}), Sample(40, {"serve": 30})])
    floor = Measured("floor", [Sample(20, {"pgbench": 3}), Sample(50, {"pgbench": 3})])
    result = Result(work, "charges/s", floor)
    assert result.ratios == [0.5, 0.8]
    assert result.cpu_ratio == 0.1
    assert "| work | 0.65 (0.50–0.80) | 0.10 | 25 charges/s |" in markdown({}, [result])


def test_no_statement_of_the_service_reads_a_whole_table_that_grows(lab: Lab) -> None:
    database = lab.database("plans")
    keys = database.fetch(KEYS)
    # What deletes old rows takes a batch at a time; of a few batches, PostgreSQL may read all.
    fill(database, charge_once(lab, database, key=True), 20 * BATCH, Console(quiet=True))
    assert database.fetch(KEYS) == keys
    statements = {*hot_statements(lab, database), *declared_statements()}
    assert any("orders" in each for each in statements)
    assert find_full_scans(database, statements) == {}
    without_index = "SELECT id FROM orders WHERE price = $1"
    assert find_full_scans(database, [without_index]) == {without_index: {"orders"}}
