"""The HTTP service, put together: routes, errors, the edge."""

import contextlib
from collections.abc import AsyncIterator, Sequence
from importlib.metadata import version
from typing import Final

from litestar import Litestar, get, post
from litestar.datastructures import State
from litestar.handlers import HTTPRouteHandler

from entrypoints.http import openapi
from entrypoints.http.auth import Authenticator
from entrypoints.http.background_tasks import BackgroundTasks
from entrypoints.http.dependencies import HttpDependencies
from entrypoints.http.handlers import NotificationHandler, PaymentHandler, RefundHandler
from entrypoints.http.idempotency import IdempotencyGuard
from entrypoints.http.metrics import Metrics
from entrypoints.http.middleware import RequestMiddleware
from entrypoints.http.operations import OperationRoutes
from entrypoints.http.payments import PaymentRoutes
from entrypoints.http.refunds import RefundRoutes
from entrypoints.http.responses import on_error
from entrypoints.http.webhooks import WebhookRoutes

# The longest a charge takes is 5 s until it may no longer start and 15 s for the gateway.
DRAIN_SECONDS: Final = 22.0


def create_app(dependencies: HttpDependencies) -> Litestar:
    """Build the HTTP service; when its lifespan ends, requests in progress are finished first.

    The server may allow less time for that, in `app.state.drain_seconds`.
    """
    metrics, tasks = Metrics.on(dependencies.registry), BackgroundTasks()

    @contextlib.asynccontextmanager
    async def finish_requests(app: Litestar) -> AsyncIterator[None]:
        yield
        await tasks.drain(app.state.drain_seconds)

    app = Litestar(
        route_handlers=_routes(dependencies, metrics, tasks),
        exception_handlers={Exception: on_error},
        lifespan=[finish_requests],
        openapi_config=openapi.config(version("payments")),
        state=State({"drain_seconds": DRAIN_SECONDS}),
        logging_config=None,
        request_max_body_size=None,  # read_body counts, and knows each route's limit
    )
    app.asgi_handler = RequestMiddleware(app.asgi_handler, metrics)
    return app


def _routes(
    dependencies: HttpDependencies, metrics: Metrics, tasks: BackgroundTasks
) -> Sequence[HTTPRouteHandler]:
    settings, use_cases = dependencies.settings, dependencies.use_cases
    guard = IdempotencyGuard(dependencies.idempotency_store)
    payments = PaymentRoutes(
        PaymentHandler(use_cases.create_charge, guard, tasks, metrics),
        use_cases.read_payments,
        Authenticator.of(settings),
        settings.trusted_proxies,
    )
    operations = OperationRoutes(dependencies.checks, dependencies.registry)
    routes = [*_payment_routes(payments), *_operation_routes(operations)]
    if settings.operator_key is not None:
        handler = RefundHandler(use_cases.refund_payment, guard, tasks)
        routes.append(_refund_route(RefundRoutes(handler, settings.operator_key)))
    if dependencies.notification_reader is not None:
        receiver = NotificationHandler(use_cases.receive_notification, tasks)
        routes.append(_webhook_route(WebhookRoutes(receiver, dependencies.notification_reader)))
    return routes


def _payment_routes(payments: PaymentRoutes) -> Sequence[HTTPRouteHandler]:
    return (
        post(
            "/api/payments",
            operation_id="createPayment",
            operation_class=openapi.PAY,
            security=openapi.USER_SECURITY,
            responses=openapi.CREATED
            | openapi.problems(400, 401, 402, 404, 408, 409, 413, 415, 422, 429, 503),
        )(payments.create),
        get(
            "/api/payments",
            operation_id="listPayments",
            operation_class=openapi.LIST,
            security=openapi.USER_SECURITY,
            responses=openapi.LISTED | openapi.problems(400, 401, 503),
        )(payments.index),
        get(
            "/api/payments/{payment_id:str}",
            operation_id="showPayment",
            security=openapi.USER_SECURITY,
            responses=openapi.SHOWN | openapi.problems(401, 404, 503),
        )(payments.show),
    )


def _refund_route(refunds: RefundRoutes) -> HTTPRouteHandler:
    return post(
        "/api/payments/{payment_id:str}/refunds",
        operation_id="createRefund",
        operation_class=openapi.REFUND,
        security=openapi.OPERATOR_SECURITY,
        responses=openapi.REFUNDED | openapi.problems(400, 401, 404, 408, 409, 413, 415, 422, 503),
    )(refunds.create)


def _webhook_route(webhooks: WebhookRoutes) -> HTTPRouteHandler:
    return post(
        "/api/payments/webhooks/stripe",
        operation_id="receiveStripeNotice",
        operation_class=openapi.NOTICE,
        security=openapi.NO_SECURITY,
        status_code=200,
        responses=openapi.RECEIVED | openapi.problems(400, 408, 413, 503),
    )(webhooks.stripe)


def _operation_routes(operations: OperationRoutes) -> Sequence[HTTPRouteHandler]:
    return (
        get(
            "/health/live",
            operation_id="live",
            security=openapi.NO_SECURITY,
            responses=openapi.LIVE,
        )(operations.live),
        get(
            "/health/ready",
            operation_id="ready",
            security=openapi.NO_SECURITY,
            responses=openapi.READY | openapi.problems(503),
        )(operations.ready),
        get(
            "/metrics",
            operation_id="metrics",
            security=openapi.NO_SECURITY,
            media_type="text/plain",
        )(operations.metrics),
    )
