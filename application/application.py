"""All use cases of the service, composed on a set of ports."""

from collections.abc import Mapping
from datetime import timedelta

from attrs import field, frozen

from application.gateway_health import GatewayHealth
from application.ports.alerts import Alerts
from application.ports.books import Books
from application.ports.clock import Clock, NewId
from application.ports.decline_counter import DeclineCounter
from application.ports.differences import Differences
from application.ports.event_publisher import EventPublisher, OutboxQueue
from application.ports.gateways import Gateways
from application.ports.order_histories import OrderHistories
from application.ports.payment_pages import PaymentPages
from application.ports.unit_of_work import BeginUnitOfWork
from application.ports.unusable_notifications import UnusableNotifications
from application.retry import RetryOnConflict
from application.use_cases.advance_positions import AdvancePositions
from application.use_cases.apply_deferred_notifications import ApplyDeferredNotifications
from application.use_cases.books_guard import BooksGuard, BooksGuards
from application.use_cases.cancel_order import CancelOrder
from application.use_cases.cancel_payment import CancelPayment
from application.use_cases.capture_payment import CapturePayment
from application.use_cases.check_payment import CheckPayment
from application.use_cases.check_refund import CheckRefund
from application.use_cases.claim_order import ClaimOrder
from application.use_cases.compare_books import CompareBooks
from application.use_cases.complete_order import CompleteOrder
from application.use_cases.create_charge import CreateCharge
from application.use_cases.create_session import CreateSession
from application.use_cases.find_action import FindAction
from application.use_cases.find_lost_payment import FindLostPayment
from application.use_cases.find_order import FindOrder
from application.use_cases.keep_notification import KeepNotification, ReplayNotifications
from application.use_cases.limit_declines import LimitDeclines
from application.use_cases.list_options import ListOptions
from application.use_cases.read_payments import ReadPayments
from application.use_cases.receive_notification import ReceiveNotification
from application.use_cases.reconcile import Reconcile
from application.use_cases.reconcile_charges import ReconcileCharges
from application.use_cases.reconcile_payments import ReconcilePayments
from application.use_cases.reconcile_refunds import ReconcileRefunds
from application.use_cases.reconcile_regularly import ReconcileRegularly
from application.use_cases.reconcile_reports import ReconcileReports
from application.use_cases.recover_payments import RecoverPayments
from application.use_cases.refund_payment import RefundPayment
from application.use_cases.relay_outbox import RelayOutbox
from application.use_cases.replicate_order import ReplicateOrder
from application.use_cases.review_payment import ReviewPayment
from application.use_cases.send_capture import SendCapture
from application.use_cases.settle_payment import SettlePayment
from application.use_cases.settle_refund import SettleRefund
from application.use_cases.store_reply import StoreReply
from application.use_cases.sync_refunds import SyncRefunds
from application.use_cases.take_approved import TakeApproved
from application.use_cases.void_payment import VoidPayment
from domain.capture import CaptureMode


@frozen
class Ports:
    """One adapter for each port; production, tests and simulation differ only in these."""

    begin: BeginUnitOfWork
    outbox: OutboxQueue
    publisher: EventPublisher
    gateways: Gateways
    declines: DeclineCounter
    now: Clock
    new_id: NewId
    relay_name: str
    """Unique to this process."""
    alerts: Alerts
    unusable: UnusableNotifications
    books: Books
    differences: Differences
    payment_pages: PaymentPages
    histories: OrderHistories


@frozen
class DeclineLimits:
    """How many declined cards are allowed."""

    window: timedelta = timedelta(minutes=10)
    max_declines: Mapping[str, int] = field(factory=dict)
    """By kind of source: `user`, `address`."""


@frozen
class UseCases:
    """The use cases that entrypoints call."""

    books_guards: BooksGuards
    create_charge: CreateCharge
    create_session: CreateSession
    list_options: ListOptions
    find_action: FindAction
    cancel_payment: CancelPayment
    read_payments: ReadPayments
    find_order: FindOrder
    replicate_order: ReplicateOrder
    cancel_order: CancelOrder
    complete_order: CompleteOrder
    advance_positions: AdvancePositions
    refund_payment: RefundPayment
    capture_payment: CapturePayment
    void_payment: VoidPayment
    review_payment: ReviewPayment
    receive_notification: ReceiveNotification
    keep_notification: KeepNotification
    replay_notifications: ReplayNotifications
    apply_deferred_notifications: ApplyDeferredNotifications
    recover_payments: RecoverPayments
    reconcile: Reconcile
    reconcile_regularly: ReconcileRegularly
    relay_outbox: RelayOutbox


def compose(
    ports: Ports,
    limits: DeclineLimits = DeclineLimits(),
    capture_mode: CaptureMode = CaptureMode.AUTOMATIC,
) -> UseCases:
    """Build the use cases on these ports.

    `capture_mode` is for orders that do not say themselves when their money is captured.
    """
    now, gateways, alerts = ports.now, ports.gateways, ports.alerts
    retry, health = RetryOnConflict(ports.begin), GatewayHealth(now)
    settle = SettlePayment(retry, alerts, now)
    settle_refund = SettleRefund(retry, alerts, now)
    sync = SyncRefunds(retry, gateways, alerts, now)
    send_capture = SendCapture(gateways, settle, alerts)
    check_refund = CheckRefund(gateways, settle_refund, sync, alerts)
    replicate = ReplicateOrder(retry, now)
    declines = LimitDeclines(ports.declines, limits.window, limits.max_declines)
    find_lost = FindLostPayment(ports.books, gateways, settle, alerts)
    receive = ReceiveNotification(retry, settle, sync, find_lost, alerts, now)
    keep = KeepNotification(receive, ports.unusable)
    guards = BooksGuards(
        tuple(
            BooksGuard(
                CompareBooks(ports.begin, ports.books, each, settle, sync, keep, alerts, now),
                ports.books,
                now,
            )
            for each in gateways
        )
    )
    take = TakeApproved(settle, guards, alerts, now)
    check = CheckPayment(gateways, settle, take, alerts, now)
    reconcile = Reconcile(
        ReconcileCharges(ports.begin, ports.books, settle, check, keep, now),
        ReconcileReports(ports.begin, ports.books, keep, sync, now),
        ReconcilePayments(ports.payment_pages, now),
        ReconcileRefunds(ports.payment_pages, ports.begin, settle_refund, now),
        ports.differences,
        now,
    )
    return UseCases(
        books_guards=guards,
        create_charge=CreateCharge(
            ClaimOrder(
                retry,
                gateways,
                capture_mode,
                settle,
                declines,
                guards,
                ports.books,
                health,
                now,
                ports.new_id,
            ),
            settle,
            check,
            StoreReply(retry, ports.new_id),
            declines,
            alerts,
            now,
        ),
        create_session=CreateSession(ports.begin, gateways, capture_mode, health, alerts, now),
        list_options=ListOptions(ports.begin, gateways, capture_mode, health, now),
        cancel_payment=CancelPayment(retry, check, now),
        find_action=FindAction(ports.begin, check),
        read_payments=ReadPayments(ports.begin),
        find_order=FindOrder(ports.begin, ports.histories, gateways, now),
        replicate_order=replicate,
        cancel_order=CancelOrder(replicate),
        complete_order=CompleteOrder(retry),
        advance_positions=AdvancePositions(retry),
        refund_payment=RefundPayment(
            retry, gateways, settle_refund, sync, guards, now, ports.new_id
        ),
        capture_payment=CapturePayment(retry, send_capture, now),
        void_payment=VoidPayment(retry, check, now),
        review_payment=ReviewPayment(retry, now),
        receive_notification=receive,
        keep_notification=keep,
        replay_notifications=ReplayNotifications(receive, ports.unusable),
        apply_deferred_notifications=ApplyDeferredNotifications(ports.begin, retry, alerts, now),
        recover_payments=RecoverPayments(ports.begin, check, check_refund, send_capture, now),
        reconcile=reconcile,
        reconcile_regularly=ReconcileRegularly(reconcile, gateways, alerts, now),
        relay_outbox=RelayOutbox(ports.outbox, ports.publisher, ports.relay_name, ports.alerts),
    )
