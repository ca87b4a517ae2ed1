"""create_app: the HTTP service on Litestar, composed of its routes."""

import contextlib
from collections.abc import AsyncIterator, Sequence
from importlib.metadata import version

from litestar import Litestar, Response, get, post, route
from litestar.datastructures import State
from litestar.enums import HttpMethod
from litestar.handlers import HTTPRouteHandler

from entrypoints.http import openapi, openapi_errors
from entrypoints.http import openapi_operations as operations
from entrypoints.http.auth import Authenticator
from entrypoints.http.background_tasks import BackgroundTasks
from entrypoints.http.cancellation import CancellationHandler
from entrypoints.http.dependencies import HttpDependencies
from entrypoints.http.direct_routes import DIRECT, DirectRoutes
from entrypoints.http.handlers import NotificationHandler, PaymentHandler
from entrypoints.http.http_request import HttpRequest
from entrypoints.http.metrics import Metrics
from entrypoints.http.middleware import RequestMiddleware
from entrypoints.http.monitoring_routes import MonitoringRoutes
from entrypoints.http.notification_refusals import NotificationRefusals
from entrypoints.http.operator_app import operator_routes
from entrypoints.http.payment_options import OptionsRoute, options_route
from entrypoints.http.payment_routes import PaymentRoutes
from entrypoints.http.reading import ReadingHandler, RecentActions
from entrypoints.http.repeated_replies import RepeatedReplies
from entrypoints.http.request_bodies import PaymentRules
from entrypoints.http.sessions import SessionRoute, session_route
from entrypoints.http.sign_in_refusals import RefusalLog
from entrypoints.http.stopping import Stopping
from entrypoints.http.webhook_routes import WebhookRoutes


def create_app(dependencies: HttpDependencies) -> Litestar:
    """Create the HTTP service; when its lifespan ends, requests in progress are finished first.

    The server tells it more about the stop in `app.state.stopping`.
    """
    metrics, tasks, stopping = Metrics.on(dependencies.registry), BackgroundTasks(), Stopping()

    @contextlib.asynccontextmanager
    async def finish_requests(_app: Litestar) -> AsyncIterator[None]:
        yield
        await tasks.drain(stopping.finish_seconds)

    routes = _routes(dependencies, metrics, tasks)
    app = Litestar(
        route_handlers=[*_options_routes(routes), *routes],
        exception_handlers={Exception: dependencies.show_error},
        lifespan=[finish_requests],
        openapi_config=openapi.config(version("payments")),
        state=State({"stopping": stopping}),
        logging_config=None,
        request_class=HttpRequest,
        request_max_body_size=None,  # read_body applies each route's limit
    )
    direct = DirectRoutes.of(routes)
    app.asgi_handler = RequestMiddleware(
        app.asgi_handler, direct, metrics, stopping, dependencies.tracing
    )
    return app


def _routes(
    dependencies: HttpDependencies, metrics: Metrics, tasks: BackgroundTasks
) -> Sequence[HTTPRouteHandler]:
    settings, use_cases = dependencies.settings, dependencies.use_cases
    gateways = use_cases.create_charge.claim.gateways
    replies = RepeatedReplies(use_cases.find_action)
    refusals = RefusalLog(metrics.count_refused_sign_in)
    authenticator = Authenticator.from_settings(
        settings, dependencies.clock, refusals, dependencies.alerts, dependencies.fetch_keys_from
    )
    rules = PaymentRules(
        gateways.names, settings.return_origins, has_choice=len(gateways.configured) > 1
    )
    payments = PaymentRoutes(
        PaymentHandler(use_cases.create_charge, replies, tasks, metrics),
        CancellationHandler(use_cases.cancel_payment, tasks),
        ReadingHandler(
            use_cases.read_payments, use_cases.find_action, RecentActions(dependencies.clock), tasks
        ),
        use_cases.read_payments,
        authenticator,
        settings.trusted_proxies,
        rules,
    )
    options = OptionsRoute(use_cases.list_options, dependencies.public_keys, authenticator)
    sessions = SessionRoute(use_cases.create_session, authenticator, rules)
    monitoring = MonitoringRoutes(dependencies.checks, dependencies.registry)
    routes = [
        *_payment_routes(payments),
        _cancellation_route(payments),
        session_route(sessions),
        options_route(options),
        *_monitoring_routes(monitoring),
    ]
    if settings.operators:
        routes += operator_routes(dependencies, refusals, tasks)
    routes += dependencies.more_routes(dependencies, refusals, tasks)
    webhooks = WebhookRoutes(
        NotificationHandler(use_cases.keep_notification, tasks),
        dependencies.notification_readers,
        NotificationRefusals(metrics.count_refused_notification, dependencies.alerts),
    )
    routes.append(_webhook_route(webhooks))
    return routes


def _options_routes(routes: Sequence[HTTPRouteHandler]) -> Sequence[HTTPRouteHandler]:
    """Return the OPTIONS routes. Litestar's own know the methods of one handler of a path only."""
    methods: dict[str, set[str]] = {}
    for handler in routes:
        for path in handler.paths:
            methods.setdefault(path, {"OPTIONS"}).update(handler.http_methods)
    return [_options_route(path, sorted(allowed)) for path, allowed in methods.items()]


def _options_route(path: str, methods: Sequence[str]) -> HTTPRouteHandler:
    async def options() -> Response[None]:
        return Response(None, status_code=204, headers={"Allow": ", ".join(methods)})

    return route(path, http_method=HttpMethod.OPTIONS, include_in_schema=False)(options)


def _payment_routes(payments: PaymentRoutes) -> Sequence[HTTPRouteHandler]:
    return (
        post(
            "/api/payments",
            opt=DIRECT,
            operation_id="createPayment",
            operation_class=operations.CreatePayment,
            security=openapi.USER_SECURITY,
            responses=openapi.PAYMENT_CREATED
            | openapi_errors.problems(
                400,
                401,
                402,
                404,
                408,
                409,
                413,
                415,
                422,
                429,
                502,
                503,
                errors=openapi_errors.PAYMENT_ERRORS,
            ),
        )(payments.create),
        get(
            "/api/payments",
            opt=DIRECT,
            operation_id="listPayments",
            operation_class=operations.ListPayments,
            security=openapi.USER_SECURITY,
            responses=openapi.PAYMENT_LIST | openapi_errors.problems(400, 401, 503),
        )(payments.index),
        get(
            "/api/payments/{payment_id:str}",
            opt=DIRECT,
            operation_id="showPayment",
            security=openapi.USER_SECURITY,
            responses=openapi.PAYMENT | openapi_errors.problems(401, 404, 503),
        )(payments.show),
    )


def _cancellation_route(payments: PaymentRoutes) -> HTTPRouteHandler:
    return post(
        "/api/payments/{payment_id:str}/cancel",
        operation_id="cancelPayment",
        operation_class=operations.NoFields,
        security=openapi.USER_SECURITY,
        status_code=200,
        responses=openapi.PAYMENT_CANCELLED
        | openapi_errors.problems(400, 401, 404, 408, 409, 413, 415, 503),
    )(payments.cancel)


def _webhook_route(webhooks: WebhookRoutes) -> HTTPRouteHandler:
    return post(
        "/api/payments/webhooks/{gateway:str}",
        operation_id="receiveNotification",
        operation_class=operations.ReceiveNotification,
        security=openapi.NO_SECURITY,
        status_code=200,
        include_in_schema=bool(webhooks.readers),
        responses=openapi.NOTIFICATION_RECEIVED
        | openapi_errors.problems(400, 404, 408, 413, 415, 503),
    )(webhooks.receive)


def _monitoring_routes(monitoring: MonitoringRoutes) -> Sequence[HTTPRouteHandler]:
    return (
        get(
            "/health/live",
            opt=DIRECT,
            operation_id="live",
            security=openapi.NO_SECURITY,
            responses=openapi.LIVE,
        )(monitoring.live),
        get(
            "/health/ready",
            opt=DIRECT,
            operation_id="ready",
            security=openapi.NO_SECURITY,
            responses=openapi.READY | openapi_errors.problems(503),
        )(monitoring.ready),
        get(
            "/metrics",
            operation_id="metrics",
            security=openapi.NO_SECURITY,
            media_type="text/plain",
        )(monitoring.metrics),
    )
