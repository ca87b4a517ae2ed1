"""Run everything that the service does often, and see the statements that it sends."""

import json
from collections.abc import Collection
from http.client import HTTPConnection

from tests.bench import customers
from tests.bench.broker import Broker
from tests.bench.charges import TOKEN
from tests.bench.database import Database
from tests.bench.filling import add_orders
from tests.bench.lab import Lab, Service
from tests.bench.load import send_once
from tests.bench.wire_counter import WireCounter

_SECONDS = 30.0


def hot_statements(lab: Lab, database: Database) -> Collection[str]:
    """Charge, read, replicate, relay, recover and probe; return every statement."""
    broker = Broker(lab.nats.url)
    with WireCounter(lab.postgres.port) as counter:
        through = Database(counter.through(database.url))
        with lab.serve(through) as serve, lab.worker(through) as worker:
            sent = broker.messages("PAYMENTS")
            add_orders(database, "hot", 2)
            for number, key in ((0, False), (1, True)):
                order = f"hot-{number}"
                send_once(serve.address, customers.charge(number, order, TOKEN, key=key))
                _read(serve, order, customers.payer_of(number))
            broker.publish_orders("hot-event", 1)
            broker.wait_for_consumer("ORDERS", "payments")
            broker.wait_for_messages("PAYMENTS", sent + 2)
            for path, service in (("/health/ready", serve), ("/metrics", worker)):
                _get(service, path, "nobody")
        return set(counter.statements)


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
