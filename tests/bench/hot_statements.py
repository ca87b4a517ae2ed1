"""The statements of the service: those that it sends for what it does often, and all others."""

import importlib
import json
import pkgutil
from collections.abc import Collection
from http.client import HTTPConnection

from adapters.persistence import sql
from adapters.persistence.sql.statement import Statement
from tests.bench import customers
from tests.bench.broker import Broker
from tests.bench.charges import MAX_TRIES, tries
from tests.bench.database import Database
from tests.bench.filling import add_orders
from tests.bench.lab import Lab, Service
from tests.bench.load import pay_once
from tests.bench.wire_counter import WireCounter

_SECONDS = 30.0


def hot_statements(lab: Lab, database: Database) -> Collection[str]:
    """Charge, read, replicate, relay, recover and probe; return every statement."""
    broker = Broker(lab.nats.url)
    with WireCounter(lab.postgres.port) as counter:
        through = Database(counter.through(database.url))
        with lab.serve(through) as serve, lab.worker(through) as worker:
            sent = broker.messages("PAYMENTS")
            for prefix, key in (("plain", False), ("keyed", True)):
                add_orders(database, prefix, MAX_TRIES)
                pay_once(serve.address, tries(prefix, key=key))
                _read(serve, f"{prefix}-0", customers.payer_of(0))
            broker.publish_orders("hot-event", 1)
            broker.wait_for_consumer("ORDERS", "payments")
            broker.wait_for_messages("PAYMENTS", sent + 2)
            for path, service in (("/health/ready", serve), ("/metrics", worker)):
                _get(service, path, "nobody")
        return set(counter.statements)


def declared_statements() -> Collection[str]:
    """Return the statements that are constants of a module: of operators and maintenance, too.

    `payments migrate` reads whole tables, and its statements are not among them.
    """
    modules = (
        importlib.import_module(f"{sql.__name__}.{each.name}")
        for each in pkgutil.iter_modules(sql.__path__)
    )
    constants = (value for module in modules for value in vars(module).values())
    return {each.text for each in constants if isinstance(each, Statement)}


def _read(service: Service, order: str, user: str) -> None:
    found = json.loads(_get(service, f"/api/payments?orderId={order}", user))
    payments = found if isinstance(found, list) else found["payments"]
    _get(service, f"/api/payments/{payments[0]['id']}", user)


def _get(service: Service, path: str, user: str) -> bytes:
    connection = HTTPConnection(*service.address, timeout=_SECONDS)
    try:
        connection.request("GET", path, headers={"Cookie": customers.cookie(user)})
        return connection.getresponse().read()
    finally:
        connection.close()
