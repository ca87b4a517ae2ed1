"""SimulatedRuntime: database, broker and gateway in memory, with injected faults."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Final

from attrs import define, field

from adapters.gateways.in_memory import GatewayLedger, InMemoryGateway
from adapters.messaging.in_memory import InMemoryBroker, InMemoryPublisher, InMemorySubscription
from adapters.messaging.wire import Message
from adapters.persistence.in_memory import (
    InMemoryAlertStore,
    InMemoryBooks,
    InMemoryDatabase,
    InMemoryDeclineCounter,
    InMemoryDifferences,
    InMemoryIdempotencyStore,
    InMemoryOrderHistories,
    InMemoryOutboxQueue,
    InMemoryOutboxSignal,
    InMemoryPaymentPages,
    InMemoryStreamPositions,
    InMemoryUnusableNotifications,
)
from application.acting import current_actor
from application.application import DeclineLimits, Ports, UseCases, compose
from application.ports.alerts import AlertKind
from application.ports.clock import Clock, NewId
from application.ports.gateway_notifications import Notification
from application.ports.gateways import ConfiguredGateway, Gateways
from application.throttled_alerts import ThrottledAlerts
from application.use_cases.align_streams import AlignStreams
from domain.identifiers import PaymentId
from domain.money import Money
from entrypoints.worker.alignment import Alignment
from payments_kit.simulation.broker_faults import BrokerFaults
from payments_kit.simulation.database_faults import DatabaseFaults
from payments_kit.simulation.faults import LOSSES, FaultInjector, FaultKind
from payments_kit.simulation.gateway_faults import GatewayFaults
from payments_kit.simulation.loop import SimulatedLoop
from payments_kit.simulation.parking import Parking
from payments_kit.simulation.process import SimulatedProcess
from payments_kit.simulation.recording import (
    LoggedAlerts,
    RecordedCharges,
    RecordedMessages,
    RecordedOrders,
    SentNotifications,
)
from payments_kit.simulation.round_trip import RoundTrip
from payments_kit.simulation.standby import Standby
from payments_kit.simulation.trace import Trace
from payments_kit.simulation.watch import Watch

BEGINNING: Final = datetime(2026, 1, 1, tzinfo=UTC)
"""When every run begins; the value has no special meaning."""


_GATEWAY_SKEW: Final = 55.0
"""How far a gateway's clock is ahead or behind, in seconds: the comparison of the books allows for
a minute."""

FIRST_GATEWAY: Final = "in_memory"
SECOND_GATEWAY: Final = "second"


@define
class SimulatedRuntime:
    """What all processes of a run share, and what survives their crashes."""

    loop: SimulatedLoop
    injector: FaultInjector
    trace: Trace
    latency: float
    send_notification: Callable[[str, Notification], None]
    """Sends a notification of the gateway with this name."""
    on_crash: Callable[[SimulatedProcess], None]
    gateway_names: tuple[str, ...] = (FIRST_GATEWAY,)
    limits: DeclineLimits = DeclineLimits()
    database_faults: DatabaseFaults = field(init=False)
    broker_faults: BrokerFaults = field(init=False)
    gateway_faults: dict[str, GatewayFaults] = field(factory=dict, init=False)
    database: InMemoryDatabase = field(init=False)
    broker: InMemoryBroker = field(init=False)
    ledgers: dict[str, GatewayLedger] = field(factory=dict, init=False)
    """The records of each gateway, by its name."""
    standby: Standby = field(init=False)
    parking: Parking = field(init=False)
    watch: Watch = field(init=False)
    logged_alerts: set[tuple[AlertKind, str]] = field(factory=set, init=False)
    """The alerts in the logs, by kind and subject; a crash may lose what is not stored yet."""
    _now: tuple[float, datetime] = (0.0, BEGINNING)
    """The last time that was asked for: it is asked for several times at each."""

    def __attrs_post_init__(self) -> None:
        loop, injector = self.loop, self.injector
        self.watch = Watch(self.now)
        round_trip = RoundTrip(loop, injector, self.latency, self.on_crash)
        self.database_faults = DatabaseFaults(loop, injector, round_trip)
        self.broker_faults = BrokerFaults(loop, injector, round_trip)
        self.database = InMemoryDatabase(
            self.now, self.database_faults.step, orders=RecordedOrders(self.trace, self.watch)
        )
        self.database.loses_signal = partial(injector.occurs, FaultKind.SIGNAL_LOST)
        self.standby = Standby(self.database)
        if any(map(injector.is_possible, LOSSES)):
            self.database_faults.before_commit = self.standby.follow
        self.broker = InMemoryBroker(
            self.now,
            self.broker_faults.step,
            self.broker_faults.arrange,
            self.broker_faults.loses_reply,
            log=RecordedMessages(self.trace),
        )
        self.parking = Parking(loop, injector, self.database)
        for number, name in enumerate(self.gateway_names):
            ledger = self.ledgers[name] = GatewayLedger(
                self._clock_of(name),
                records=RecordedCharges(self.watch),
                notifications=SentNotifications(partial(self.send_notification, name)),
                prefix="" if number == 0 else f"{name}_",
            )
            self.gateway_faults[name] = GatewayFaults(
                loop,
                injector,
                self.trace,
                round_trip,
                self.database_faults,
                self._amount_of,
                self._age_of,
                ledger.apply_delayed,
                self.watch.mistakes,
            )
            ledger.on_delay = self.gateway_faults[name].on_delay

    def _clock_of(self, gateway: str) -> Clock:
        injector, kind = self.injector, FaultKind.GATEWAY_CLOCK
        if not injector.occurs(kind, gateway):
            return self.now
        skew = timedelta(seconds=injector.uniform(kind, -_GATEWAY_SKEW, _GATEWAY_SKEW))
        return lambda: self.now() + skew

    @property
    def ledger(self) -> GatewayLedger:
        """The records of the first gateway."""
        return self.ledgers[FIRST_GATEWAY]

    def now(self) -> datetime:
        """Return the virtual time: the database's clock, and that of processes without skew."""
        seconds = self.loop.seconds
        if seconds != self._now[0]:
            self._now = seconds, BEGINNING + timedelta(seconds=seconds)
        return self._now[1]

    def use_cases(
        self,
        process: SimulatedProcess,
        skew: timedelta,
        new_id: NewId,
        gateway_names: tuple[str, ...],
    ) -> UseCases:
        """Compose the use cases of one process; `skew` is how far its clock is ahead."""
        ports = Ports(
            begin=lambda: self.database.begin(actor=current_actor),
            outbox=InMemoryOutboxQueue(self.database),
            publisher=self.parking.publisher(InMemoryPublisher(self.broker)),
            gateways=self.gateways(gateway_names),
            declines=InMemoryDeclineCounter(self.database),
            now=(lambda: self.now() + skew) if skew else self.now,
            new_id=new_id,
            relay_name=process.name,
            alerts=self.alerts(),
            unusable=InMemoryUnusableNotifications(self.database),
            books=InMemoryBooks(self.database),
            differences=InMemoryDifferences(self.database),
            payment_pages=InMemoryPaymentPages(self.database),
            histories=InMemoryOrderHistories(self.database),
        )
        return compose(ports, self.limits)

    def alerts(self) -> ThrottledAlerts:
        """Return the alerts of one process."""
        store = LoggedAlerts(InMemoryAlertStore(self.database), self.logged_alerts)
        return ThrottledAlerts(store, self.loop.time)

    def alignment(self, events: InMemorySubscription) -> Alignment:
        """Return what sets a subscription back to where the books end."""
        positions = InMemoryStreamPositions(self.database)
        return Alignment(AlignStreams(events, positions, self.alerts()))

    def gateways(self, names: tuple[str, ...]) -> Gateways:
        """Return a connection to each gateway that a process has in its settings."""
        return Gateways(tuple(ConfiguredGateway(self.gateway(name), name) for name in names))

    def gateway(self, name: str = FIRST_GATEWAY) -> InMemoryGateway:
        """Return a connection to a gateway."""
        faults = self.gateway_faults[name]
        return InMemoryGateway(self.ledgers[name], faults, faults.step, name)

    def outbox_signal(self) -> InMemoryOutboxSignal:
        """Return the signal of one relay."""
        return InMemoryOutboxSignal.on(self.database)

    def idempotency_store(self) -> InMemoryIdempotencyStore:
        """Return the stored replies to requests with an idempotency key."""
        return InMemoryIdempotencyStore(self.database)

    def subscribe(self, durable: str, *subjects: str) -> InMemorySubscription:
        """Join a durable subscription."""
        return self.broker.subscribe(durable, *subjects)

    def publish(self, subject: str, data: bytes) -> None:
        """Store an event of another service."""
        self.broker.store(Message(subject, data, {}))

    def heal(self) -> None:
        """End all faults."""
        self.injector.is_healed = True
        self.database_faults.down_until = 0.0
        self.broker_faults.down_until = 0.0
        for faults in self.gateway_faults.values():
            faults.down_until = faults.crawls_until = 0.0
            faults.hangs_until = 0.0

    def _age_of(self, payment_id: PaymentId) -> float:
        order_id = self.database.order_of.get(payment_id)
        if order_id is None:
            return 0.0  # it was lost
        payment = self.database.orders[order_id][1].payment(payment_id)
        return (self.now() - payment.created_at).total_seconds()

    def _amount_of(self, payment_id: PaymentId) -> Money | None:
        order_id = self.database.order_of.get(payment_id)
        if order_id is None:
            return None  # it was lost
        return self.database.orders[order_id][1].payment(payment_id).amount
