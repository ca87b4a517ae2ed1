"""Everything the service can do, composed by hand from whatever speaks through the ports."""

from datetime import timedelta

from attrs import field, frozen

from application.decide import Decide
from application.ports.clock import Clock, NewId
from application.ports.decline_counter import DeclineCounter
from application.ports.event_publisher import EventPublisher, OutboxQueue
from application.ports.payment_gateway import PaymentGateway
from application.ports.unit_of_work import BeginUnitOfWork
from application.use_cases.apply_kept_notices import ApplyKeptNotices
from application.use_cases.cancel_order import CancelOrder
from application.use_cases.complete_order import CompleteOrder
from application.use_cases.create_charge import CreateCharge
from application.use_cases.limit_declines import LimitDeclines
from application.use_cases.read_payments import ReadPayments
from application.use_cases.receive_notice import ReceiveNotice
from application.use_cases.recover_payments import RecoverPayments
from application.use_cases.refund_payment import RefundPayment, SettleRefund
from application.use_cases.relay_outbox import RelayOutbox
from application.use_cases.replicate_order import ReplicateOrder
from application.use_cases.settle_payment import SettlePayment


@frozen
class Ports:
    """One adapter for each port; production, tests and simulation differ in nothing else."""

    begin: BeginUnitOfWork
    outbox: OutboxQueue
    publisher: EventPublisher
    gateway: PaymentGateway
    declines: DeclineCounter
    now: Clock
    new_id: NewId
    relay_name: str
    """Unique to this process."""


@frozen
class DeclineLimits:
    """How many declined cards are too many."""

    window: timedelta = timedelta(minutes=10)
    most: dict[str, int] = field(factory=dict)
    """By kind of source: `user`, `address`."""


@frozen
class UseCases:
    """The inventory."""

    create_charge: CreateCharge
    read_payments: ReadPayments
    replicate_order: ReplicateOrder
    cancel_order: CancelOrder
    complete_order: CompleteOrder
    refund_payment: RefundPayment
    receive_notice: ReceiveNotice
    apply_kept_notices: ApplyKeptNotices
    recover_payments: RecoverPayments
    relay_outbox: RelayOutbox


def compose(ports: Ports, limits: DeclineLimits = DeclineLimits()) -> UseCases:
    """Build the use cases on these ports."""
    decide = Decide(ports.begin)
    settle = SettlePayment(decide, ports.now)
    settle_refund = SettleRefund(decide, ports.now)
    replicate = ReplicateOrder(decide, ports.now)
    declines = LimitDeclines(ports.declines, limits.window, limits.most)
    return UseCases(
        create_charge=CreateCharge(
            decide, ports.gateway, settle, declines, ports.now, ports.new_id
        ),
        read_payments=ReadPayments(ports.begin),
        replicate_order=replicate,
        cancel_order=CancelOrder(replicate),
        complete_order=CompleteOrder(decide),
        refund_payment=RefundPayment(decide, ports.gateway, settle_refund, ports.now, ports.new_id),
        receive_notice=ReceiveNotice(decide, settle, settle_refund, ports.now),
        apply_kept_notices=ApplyKeptNotices(ports.begin, decide, ports.now),
        recover_payments=RecoverPayments(
            ports.begin, ports.gateway, settle, settle_refund, ports.now
        ),
        relay_outbox=RelayOutbox(ports.outbox, ports.publisher, ports.relay_name),
    )
